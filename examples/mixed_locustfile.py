"""Three kinds of users at once: those of a scenario, one whose chat is written in Python, and one of plain HTTP.

    locust -f examples/mixed_locustfile.py --headless -u 40 -r 20 -t 20s

Without --host it starts the reference server. Importing ChatUser is what brings the engine in: statistics, our page
at /chatbench, the result document and its exit code.
"""

from itertools import count

from locust import HttpUser, between, constant, task

from scenarios.locustfile import ChatUser, ScriptedChatUser

numbers = count(1)


class Crowd(ChatUser):
    """Nine of ten: the scenario says what they do."""

    weight = 9


class Asker(ScriptedChatUser):
    """Says something, waits until everybody's copy of it has come back to itself, and thinks."""

    weight = 1
    wait_time = between(0.5, 1.5)

    @task
    def ask(self) -> None:
        words = f"question {next(numbers)}"
        self.send(words)
        self.wait_for(words)


class Prober(HttpUser):
    """Looks at the server's health, as a load balancer does."""

    fixed_count = 1
    wait_time = constant(1)

    @task
    def health(self) -> None:
        self.client.get("/healthz")
