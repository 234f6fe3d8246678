"""Who makes the requests of scripts/fuzz, and what they are about.

What schemathesis makes up names no user, session, video or file that there is, and knows no password. So that not all of it ends with the
first 401 or 404, some of the requests that fit the description get words that mean something.
"""

import itertools
import os
import threading
import time
from urllib.parse import parse_qsl, urlsplit

import requests
import schemathesis

GATEWAY = os.environ["FUZZ_GATEWAY"]
PASSWORD = os.environ["FUZZ_PASSWORD"]
ADMINISTRATOR = "fuzz.administrator"
# Of a request to the gateway.
PATIENCE = 30

# What ends the session that asks for it, or the account: each such request comes from a user of its own.
ENDS_THE_SESSION = {
    "POST /api/auth/logout",
    "POST /api/v1/auth/logout",
    "DELETE /api/auth/sessions",
    "DELETE /api/auth/sessions/{sessionId}",
    "PUT /api/users/password",
    "DELETE /api/users/profile",
}

numbers = itertools.count(1)
lock = threading.Lock()


def new_name():
    with lock:
        return f"fuzz.user{next(numbers)}"


class User:
    """Somebody who has just registered."""

    def __init__(self):
        self.name = new_name()
        answer = post("/api/auth/register", username=self.name, password=PASSWORD)
        self.token = answer.json()["data"]["token"]
        self.refresh_token = answer.cookies["refreshToken"]
        self.finished = None

    def get(self, path):
        answer = requests.get(f"{GATEWAY}{path}", headers={"Authorization": f"Bearer {self.token}"}, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json()["data"]

    def create_video(self):
        return post("/api/video/tasks", self.token, prompt="a boat", model="sora-2").json()["data"]["videoId"]

    def finished_video(self):
        if self.finished is None:
            video = self.create_video()
            deadline = time.monotonic() + PATIENCE
            while (task := self.get(f"/api/video/tasks/{video}"))["status"] != "COMPLETED":
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{video} is {task['status']}, not completed")
                time.sleep(0.1)
            self.finished = task
        return self.finished


def post(path, signed_in=None, **body):
    headers = {"Authorization": f"Bearer {signed_in}"} if signed_in else {}
    answer = requests.post(f"{GATEWAY}{path}", json=body, headers=headers, timeout=PATIENCE)
    answer.raise_for_status()
    return answer


# --- who asks ------------------------------------------------------------------


def ends_the_session(context):
    return context.operation.label in ENDS_THE_SESSION


def is_for_administrators(context):
    return context.operation.path.startswith("/api/admin/")


class Bearer:
    def set(self, case, who, context):
        token = who if isinstance(who, str) else who.token
        case.headers["Authorization"] = f"Bearer {token}"


def signs_in_somebody(context):
    return not ends_the_session(context) and not is_for_administrators(context)


# A token that a chain of requests has made void is followed by that of another user.
@schemathesis.auth(refresh_interval=600).apply_to(signs_in_somebody)
class Somebody(Bearer):
    present = None

    def get(self, case, context):
        Somebody.present = User()
        return Somebody.present


@schemathesis.auth(refresh_interval=600).apply_to(is_for_administrators)
class Administrator(Bearer):
    def get(self, case, context):
        return post("/api/auth/login", username=ADMINISTRATOR, password=PASSWORD).json()["data"]["token"]


@schemathesis.auth(refresh_interval=None).apply_to(ends_the_session)
class SomebodyOnce(Bearer):
    def get(self, case, context):
        user = User()
        if case.operation.label == "DELETE /api/auth/sessions/{sessionId}" and is_positive(case):
            case.path_parameters["sessionId"] = user.get("/api/auth/sessions")["sessions"][0]["id"]
        return user


# --- what it is about ----------------------------------------------------------


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


def with_fields(**fields):
    """What stands in the body beside these fields stays as it was made up."""

    def supply(case):
        if isinstance(case.body, dict):
            case.body = {**case.body, **{name: value() if callable(value) else value for name, value in fields.items()}}

    return supply


def with_body(make):
    def supply(case):
        case.body = make()

    return supply


def new_address():
    return f"{new_name()}@example.com"


def refresh_cookie(case):
    case.cookies["refreshToken"] = User().refresh_token
    case.headers["Origin"] = GATEWAY


def a_user(case):
    case.path_parameters["userId"] = post("/api/auth/verify", token=User().token).json()["data"]["id"]


def a_video(name):
    def supply(case):
        if Somebody.present:
            case.path_parameters[name] = Somebody.present.create_video()

    return supply


def a_finished_video(case):
    if Somebody.present:
        case.path_parameters["videoId"] = Somebody.present.finished_video()["videoId"]


def a_signed_link(case):
    link = urlsplit((Somebody.present or User()).finished_video()["videoUrl"])
    _, _, _, case.path_parameters["task"], case.path_parameters["file"] = link.path.split("/")
    case.query.update(parse_qsl(link.query))


VIDEO = {"prompt": "a boat", "model": "sora-2", "duration": 8, "aspectRatio": "16:9"}
NO_OTHER_CHOICE = {"size": None, "referenceImage": None}
# Nobody listens there, and no request leaves this machine.
RECEIVER = "http://127.0.0.1:9/hook"

# Of two requests that fit the description, one is made to mean something.
MEANINGS = {
    "POST /api/auth/register": with_fields(username=new_name, email=new_address, password=PASSWORD, code=None),
    "POST /api/auth/login": with_body(lambda: {"username": User().name, "password": PASSWORD}),
    "POST /api/auth/admin/login": with_body(lambda: {"username": ADMINISTRATOR, "password": PASSWORD}),
    "POST /api/auth/send-code": with_fields(email=new_address),
    "POST /api/auth/forgot-password": with_fields(email=new_address),
    "POST /api/auth/refresh-token": refresh_cookie,
    "POST /api/v1/auth/refresh": with_body(lambda: {"refresh_token": User().refresh_token}),
    "POST /api/auth/refresh": with_body(lambda: {"refresh_token": User().refresh_token}),
    "POST /api/auth/verify": with_body(lambda: {"token": User().token}),
    "PUT /api/users/password": with_fields(currentPassword=PASSWORD),
    "DELETE /api/users/profile": with_body(lambda: {"password": PASSWORD}),
    "PUT /api/users/profile": with_fields(username=new_name, email=new_address, avatarUrl="", currentPassword=PASSWORD),
    "PATCH /api/v1/users/profile": with_fields(avatar_url="https://pictures.example/ann.png"),
    "POST /api/keys": with_fields(expiresAt="2100-01-01T00:00:00Z", name="a key"),
    "GET /api/admin/users/{userId}/security-events": a_user,
    "POST /api/video/tasks": with_fields(**VIDEO, **NO_OTHER_CHOICE),
    "POST /api/videos/generate-stream": with_fields(**VIDEO, config=None),
    "GET /api/v1/videos/{id}/events": a_video("id"),
    "POST /api/video/tasks/{videoId}/cancel": a_video("videoId"),
    "GET /api/video/tasks/{videoId}/content": a_finished_video,
    "POST /api/video/tasks/{videoId}/refresh-url": a_finished_video,
    "GET /media/videos/{task}/{file}": a_signed_link,
    "POST /api/webhooks": with_fields(url=RECEIVER),
    "PATCH /api/webhooks/{webhookId}": with_fields(url=RECEIVER),
    "POST /api/webhooks/{webhookId}/replay": with_fields(**{"from": "2026-01-01T00:00:00Z"}, to=None),
}
asked = {label: itertools.count() for label in MEANINGS}


def keep_at_home(case):
    """The examples of the description name receivers elsewhere."""
    if isinstance(case.body, dict):
        for name in ("url", "callbackUrl", "callback_url"):
            if "example.com" in str(case.body.get(name)):
                case.body = {**case.body, name: RECEIVER}


def leave_out_empty(case):
    """An empty parameter counts as absent, whatever its type is: no schema can say so, and nothing forbidden is left of such a request."""
    if not is_positive(case) and isinstance(case.query, dict):
        case.query = {name: value for name, value in case.query.items() if value != ""}


@schemathesis.hook
def before_call(context, case, kwargs):
    keep_at_home(case)
    leave_out_empty(case)
    label = case.operation.label
    if label in MEANINGS and is_positive(case) and next(asked[label]) % 2 == 0:
        MEANINGS[label](case)
