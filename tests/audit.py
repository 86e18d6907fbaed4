"""`make audit`: known vulnerabilities of what requirements.lock pins, by pip-audit; ends with 1 where there is one."""

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
COMMAND = ["--requirement", str(LOCK), "--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off"]


def main() -> int:
    """Say what is known of each dependency; where no advisory database answers, say that and nothing else."""
    run = subprocess.run([sys.executable, "-m", "pip_audit", *COMMAND], capture_output=True, text=True, check=False)
    try:
        found = json.loads(run.stdout)["dependencies"]
    except ValueError:
        print(f"NOT AUDITED: {run.stderr.strip()}")
        return 0 if "ConnectionError" in run.stderr or "ServiceError" in run.stderr else 1
    audited = [one for one in found if "vulns" in one]
    vulnerable = [(one, vuln) for one in audited for vuln in one["vulns"]]
    for one, vuln in vulnerable:
        fixed = ", ".join(vuln["fix_versions"]) or "nothing yet"
        print(f"{one['name']} {one['version']}: {vuln['id']}, fixed in {fixed}")
    if not audited:
        print(f"NOT AUDITED: no advisory database within reach knows any of the {len(found)} dependencies")
    else:
        print(f"{len(audited)} of {len(found)} dependencies audited, {len(vulnerable)} known vulnerabilities")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
