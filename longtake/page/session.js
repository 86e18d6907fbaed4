// Who looks at the page, and what they may do.

import { ask } from "./api.js";
import { signIn } from "./dialogs.js";
import { byId } from "./element.js";

export class Session {
  constructor(page) {
    this.page = page;
    this.operator = false;
    byId("leave").addEventListener("click", () => this.leave());
  }

  /** Find out who asks, with a token where one is wanted, and begin; again whenever that may have changed. */
  async start() {
    if (this.starting) return;
    this.starting = true;
    try {
      await this.enter();
    } finally {
      this.starting = false;
    }
  }

  async enter() {
    const { watch, live } = this.page;
    try {
      this.take(await ask("api/me"));
    } catch (error) {
      if (error.status !== 401) return watch.poll();
      live.close();
      await signIn();
      return this.enter();
    }
    live.open();
    await watch.poll();
    this.page.show(this.page.view);
  }

  take({ role, auth }) {
    this.operator = role === "operator";
    document.body.classList.toggle("viewer", !this.operator);
    byId("leave").hidden = !auth;
  }

  async leave() {
    await ask("api/logout", { method: "POST" }).catch((error) => this.page.trouble(error));
    location.reload();
  }
}
