"""The best rival measured: one process per stream, each the tuned loop with one thread for everything."""

import multiprocessing as mp
import time
from multiprocessing.connection import Connection, wait
from multiprocessing.synchronize import Barrier

import torch

from bench.rivals import Net, Watched, clips_of
from bench.task import Result, Task, tell_answer


def process(task: Task) -> Result:
    """All films at once, a process each; the clock starts when all have loaded and warmed up."""
    return _race(task, live=False)


def live_process(task: Task) -> Result:
    """Streams that come at their own pace, a process each; tells every answer."""
    return _race(task, live=True)


def _race(task: Task, live: bool) -> Result:
    context = mp.get_context("spawn")  # torch's advice: a forked copy of a threaded runtime may hang
    start, pipes = context.Barrier(len(task.films)), {}
    for number in range(len(task.films)):
        mine, its = context.Pipe(duplex=False)
        context.Process(target=_watch, args=(task, number, live, start, its), daemon=True).start()
        its.close()  # so that a process that dies ends its pipe
        pipes[mine] = number
    answers: dict[int, Result] = {}
    while len(answers) < len(pipes):
        for pipe in wait([pipe for pipe, number in pipes.items() if number not in answers]):
            assert isinstance(pipe, Connection)
            answers[pipes[pipe]] = pipe.recv()
    return Result(
        frames=sum(answer.frames for answer in answers.values()),
        clips=sum(answer.clips for answer in answers.values()),
        began_s=min(answer.began_s for answer in answers.values()),
        ended_s=max(answer.ended_s for answer in answers.values()),
        digest=answers[0].digest,
        probs=answers[0].probs,
    )


def _watch(task: Task, number: int, live: bool, start: Barrier, answer: Connection) -> None:
    torch.set_num_threads(1)
    net = Net(task.model, tuned=True)
    for clip in clips_of(task.warm, net.spec, Watched(), threads=1):
        net.probs([clip])
    net.forget()
    watched = Watched(task.prove and number == 0)
    start.wait()
    began_s = time.time()
    for clip in clips_of(task.films[number], net.spec, watched, threads=1):
        watched.answered([clip], net.probs([clip]))
        if live:
            answered = net.spec.frames + (watched.clips - 1) * net.spec.stride
            tell_answer(f"film-{number}", answered / net.spec.fps, time.time())
    answer.send(watched.result(began_s))
