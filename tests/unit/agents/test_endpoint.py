"""An agent behind an OpenAI-compatible endpoint, and what a faulty server does to it."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("openai")

from goldenrule.agents.base import AgentError, Reply, Seen, ask_act
from goldenrule.agents.endpoint import KEY, EndpointAgent
from goldenrule.agents.episode import SpeakerTurn
from goldenrule.agents.play import play
from goldenrule.agents.scripted import person
from goldenrule.common.errors import UserError
from goldenrule.envs import make
from goldenrule.envs.conversation import View
from goldenrule.envs.message import Message
from goldenrule.envs.scenarios.understanding import split_tags
from goldenrule.rewards.kindness import Kindness

SECRET = "sk-very-secret-1234"
TAGS = ("ask", "company")


def answer(text: str) -> bytes:
    message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
    return json.dumps(
        {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [message], "usage": usage}
    ).encode()


class Server(ThreadingHTTPServer):
    """Answers requests one after the other as a list says; the last entry goes on for ever."""

    daemon_threads = True

    def __init__(self, *script):
        self.script, self.seen = [*script], []
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def next(self, request):
        with self.lock:
            self.seen.append(request)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        step = self.server.next({**request, "at": time.monotonic(), "key": self.headers["Authorization"]})
        if callable(step):
            step(self)
            return
        status, body, headers = step if isinstance(step, tuple) else (200, answer(step), {})
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setenv(KEY, SECRET)
    servers = []

    def start(*script, **options):
        servers.append(Server(*script))
        options = {"retries": 2, "timeout": 2.0} | options
        return EndpointAgent(f"m@{servers[-1].url}", **options), servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def seen(*texts: str, dialogue: int = 0) -> Seen:
    messages = tuple(Message(1 - n % 2, text) for n, text in enumerate(texts or ("I fell.",)))
    view = View(("helper_0", "seeker_0"), 0, "You are calm.", messages, ("You help.", "You are in trouble."))
    return Seen(dialogue, view, None, TAGS)


def test_a_tagged_reply_is_the_action(serve):
    agent, server = serve("Shall I come over? [company]")
    agent.reset([1])
    (reply,) = ask_act(agent, [seen()])
    assert reply.text == "Shall I come over? [company]"
    assert (agent.tokens, agent.questions, len(server.seen)) == (3, 0, 1)
    assert server.seen[0]["messages"][0]["role"] == "system"
    assert "You help." in server.seen[0]["messages"][0]["content"]


def test_a_missing_tag_is_asked_for_once_and_counted(serve):
    agent, server = serve("Shall I come over?", "[Company]")
    agent.reset([1])
    (reply,) = ask_act(agent, [seen()])
    assert (reply.text, agent.questions) == ("Shall I come over? [company]", 1)
    assert "[ask] [company]" in server.seen[1]["messages"][-1]["content"]
    agent, _ = serve("Shall I come over?", "I would rather not say.")
    agent.reset([1])
    assert ask_act(agent, [seen()])[0].text == "Shall I come over?"


@pytest.mark.parametrize("written", ["Tea? [company].", "**[company]** Tea?", "Tea? [Company!]"])
def test_a_tag_in_bold_or_with_a_stop_is_one(serve, written):
    agent, server = serve(written)
    agent.reset([1])
    (reply,) = ask_act(agent, [seen()])
    assert len(server.seen) == 1
    assert split_tags(reply.text, TAGS) == ("Tea?", ["company"])


def test_the_bare_name_of_a_move_is_no_tag(serve):
    agent, server = serve("company", "[company]")
    agent.reset([1])
    assert ask_act(agent, [seen()])[0].text == "company [company]"
    assert len(server.seen) == 2


def test_every_draft_and_every_dialogue_has_a_seed_of_its_own(serve):
    agent, server = serve("Tea? [company]")
    for _ in range(2):
        agent.reset([1, 2])
        ask_act(agent, [seen(), seen(), seen(), seen(dialogue=1)])
        agent.speak([seen().view] * 2)
    seeds = [request["seed"] for request in server.seen]
    assert len({*seeds}) == 6
    assert sorted(seeds[:6]) == sorted(seeds[6:])
    agent.reset([3])
    agent.speak([seen().view])
    assert server.seen[-1]["seed"] not in seeds


def test_imagined_replies_are_words_alone(serve):
    agent, _ = serve("<think>hm</think>Thank you so much. [thanks]")
    assert agent.speak([seen().view]) == ["Thank you so much."]


def test_thoughts_are_not_said_and_are_kept(serve):
    agent, _ = serve("<think>He wants tea [ask].</think>Tea? [company]")
    agent.reset([1])
    (reply,) = ask_act(agent, [seen()])
    assert reply.text == "Tea? [company]"
    assert "He wants tea" in reply.record["written"]
    agent, _ = serve("The server's template began: my card says tea.\n</think>\n\nTea? [company]")
    assert ask_act(agent, [seen()])[0].text == "Tea? [company]"


def test_what_fails_for_a_while_is_asked_again_as_the_server_says(serve):
    agent, server = serve((429, b"{}", {"Retry-After": "1"}), (500, b"{}", {"Retry-After": "0"}), "Tea? [company]")
    agent.reset([1])
    (reply,) = ask_act(agent, [seen()])
    assert reply.text == "Tea? [company]"
    assert server.seen[1]["at"] - server.seen[0]["at"] >= 0.9


def hang(handler):
    time.sleep(1)


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices"')


@pytest.mark.parametrize(
    "step",
    [
        (500, b"{}", {"Retry-After": "0"}),
        (404, b'{"error": {"message": "no such model"}}', {}),
        (401, json.dumps({"error": {"message": f"Incorrect API key provided: {SECRET}"}}).encode(), {}),
        (200, b"<html><body>Gateway</body></html>", {"Content-Type": "text/html"}),
        (200, b'{"choices": []}', {}),
        (200, b'{"nothing": 1}', {}),
        (200, b"not json", {}),
        "",
        "<think>only thoughts</think>",
        hang,
        cut,
    ],
)
def test_what_still_fails_is_an_error_in_its_place_without_the_key(serve, step):
    agent, _ = serve(step, retries=0, timeout=0.5)
    agent.reset([1])
    (error,) = ask_act(agent, [seen()])
    assert isinstance(error, AgentError)
    assert SECRET not in str(error)
    assert "\n" not in str(error)


def test_one_dialogue_fails_and_the_others_go_on(serve):
    agent, _ = serve((500, b"{}", {}), "Tea? [company]", retries=0, concurrency=1)
    envs = [make("hidden_needs-v0", language="open") for _ in range(3)]
    people = {"helper": agent, "seeker": person("hidden_needs-v0", "seeker_0")}
    episodes = play(envs, people, [0, 1, 2])
    assert sorted(episode.status == "failed" for episode in episodes) == [False, False, True]
    assert all(isinstance(turn.record, dict) for e in episodes for turn in e.turns if turn.message.speaker == 0)


def test_requests_run_side_by_side_up_to_a_limit(serve):
    running, most = [0], [0]
    lock = threading.Lock()

    def wait(handler):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.2)
        with lock:
            running[0] -= 1
        body = answer("Tea? [company]")
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    agent, _ = serve(wait, concurrency=4)
    agent.reset([*range(12)])
    replies = ask_act(agent, [seen(dialogue=n) for n in range(12)])
    assert all(isinstance(reply, Reply) for reply in replies)
    assert 2 <= most[0] <= 4


def test_it_imagines_from_the_others_place(serve):
    agent, server = serve("Oh yes please.")
    assert agent.simulate([seen("I fell.", "Tea?").view], [1]) == ["Oh yes please."]
    sent = server.seen[0]["messages"]
    assert sent[0]["content"] == "You are in trouble."
    assert [m["role"] for m in sent] == ["system", "user", "assistant", "user"]


def test_a_reply_that_cannot_be_imagined_is_no_estimate_and_fails_nothing_else(serve):
    agent, _ = serve("Thank you so much.", " ", concurrency=1)
    turns = [SpeakerTurn(Message(0, "I will come over."), seen(text).view) for text in ("I fell.", "I am alone.")]
    kindness = Kindness("prediction", agent, make("hidden_needs-v0").scenario.read, 1)
    first, second = kindness.score(turns)
    assert first.value == 1.0
    assert second.value is None
    assert "wrote nothing" in second.reason


@pytest.mark.parametrize("model", ["m@ftp://host/v1", "m@http://me:secret@host/v1", "m@nonsense"])
def test_an_address_that_is_none_is_told(model, monkeypatch):
    monkeypatch.setenv(KEY, SECRET)
    with pytest.raises(UserError, match="address") as error:
        EndpointAgent(model)
    assert "secret" not in str(error.value)


def test_no_key_and_no_address_is_told(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    with pytest.raises(UserError, match=KEY):
        EndpointAgent("gpt")
