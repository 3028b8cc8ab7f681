#!/usr/bin/env python3
"""A sync session from Python, with nothing but ctypes and the standard library.

    build/bin/realm-sync-server serve --dev &
    python3 examples/python/session.py [URL APP_ID]

The library is found through REALM_SYNC_LIBRARY, else in build/lib of this repository. The functions are those of
include/realm_sync.h: each returns a status and fills in an error when it fails; each handle has one release function.
"""
import contextlib
import ctypes as c
import os
import sys
import tempfile
import threading

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIBRARY = os.environ.get("REALM_SYNC_LIBRARY", os.path.join(REPOSITORY, "build", "lib", "librealm_sync.so"))
lib = c.CDLL(LIBRARY)

# ------------------------------------------------------------------ the types of realm_sync.h that this program needs

OK, ERR_SESSION_GONE, ERR_TIMEOUT = 0, 23, 25
TYPE_STRING, TYPE_LINK, TYPE_OBJECT_ID = 3, 9, 10
SCHEMA_ADDITIVE_DISCOVERED = 5
SESSION_ACTIVE, SESSION_PAUSED = 0, 4
CONNECTION = ["disconnected", "connecting", "connected"]
SUBSCRIPTIONS_COMPLETE = 3
TIMEOUT_MS = 60_000


class String(c.Structure):
    _fields_ = [("data", c.c_void_p), ("size", c.c_size_t)]

    def __str__(self):
        return c.string_at(self.data, self.size).decode()


class Error(c.Structure):
    _fields_ = [("status", c.c_int32), ("domain", c.c_int32), ("code", c.c_int32), ("fatal", c.c_bool),
                ("name", c.c_char * 64), ("message", c.c_char * 1024)]


class Payload(c.Union):
    _fields_ = [("integer", c.c_int64), ("dnum", c.c_double), ("data", c.c_void_p), ("bytes", c.c_uint8 * 16)]


class Value(c.Structure):
    _fields_ = [("type", c.c_uint8), ("flags", c.c_uint8), ("reserved", c.c_uint16), ("size", c.c_uint32), ("u", Payload)]


class PropertyInfo(c.Structure):
    _fields_ = [("name", String), ("type", c.c_uint8), ("collection", c.c_uint8), ("nullable", c.c_bool), ("primary_key", c.c_bool),
                ("indexed", c.c_bool), ("full_text", c.c_bool), ("link_target", String), ("link_origin_property", String)]


class ClassInfo(c.Structure):
    _fields_ = [("name", String), ("kind", c.c_uint8), ("properties", c.POINTER(PropertyInfo)), ("n_properties", c.c_size_t)]


class AppConfig(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("app_id", String), ("base_url", String), ("base_path", String),
                ("request_timeout_ms", c.c_uint64), ("share", c.c_bool)]


class Credentials(c.Structure):
    _fields_ = [("kind", c.c_int), ("first", String), ("second", String)]


Handle = c.c_void_p
FreeUserdata = c.CFUNCTYPE(None, c.c_void_p)
WaitCallback = c.CFUNCTYPE(None, c.c_void_p, c.c_int32, c.POINTER(Error))
ConnectionCallback = c.CFUNCTYPE(None, c.c_void_p, c.c_int, c.c_int)

assert c.sizeof(Value) == 24  # the layout is part of the interface

# What each function takes, without the error that comes last and the status that they return.
SIGNATURES = {
    "realm_app_create": [c.POINTER(AppConfig), c.POINTER(Handle)],
    "realm_app_log_in": [Handle, c.POINTER(Credentials), c.POINTER(Handle)],
    "realm_user_get_realm_path": [Handle, c.c_char_p, c.c_size_t, c.POINTER(c.c_size_t)],
    "realm_config_create": [String, c.POINTER(Handle)],
    "realm_config_set_schema": [Handle, c.POINTER(ClassInfo), c.c_size_t],
    "realm_config_set_schema_mode": [Handle, c.c_int],
    "realm_config_set_sync_user": [Handle, Handle],
    "realm_open": [Handle, c.POINTER(Handle)],
    "realm_close": [Handle],
    "realm_refresh": [Handle, c.POINTER(c.c_bool)],
    "realm_begin_write": [Handle],
    "realm_commit": [Handle],
    "realm_cancel_write": [Handle],
    "realm_find_class": [Handle, String, c.POINTER(c.c_uint32)],
    "realm_object_create": [Handle, c.c_uint32, c.POINTER(Value), c.c_size_t, c.c_int, c.POINTER(Handle), c.POINTER(c.c_bool)],
    "realm_results_all": [Handle, c.c_uint32, c.POINTER(Handle)],
    "realm_results_count": [Handle, c.POINTER(c.c_size_t)],
    "realm_get_active_subscription_set": [Handle, c.POINTER(Handle)],
    "realm_subscription_set_make_mutable": [Handle, c.POINTER(Handle)],
    "realm_subscription_set_add": [Handle, c.c_bool, String, String, String, c.POINTER(Value), c.c_size_t],
    "realm_subscription_set_commit": [Handle],
    "realm_subscription_set_wait_blocking": [Handle, c.c_uint64, c.POINTER(c.c_int)],
    "realm_get_sync_session": [Handle, c.POINTER(Handle)],
    "realm_session_state": [Handle, c.POINTER(c.c_int)],
    "realm_session_connection_state": [Handle, c.POINTER(c.c_int)],
    "realm_session_pause": [Handle],
    "realm_session_resume": [Handle],
    "realm_session_reconnect": [Handle],
    "realm_wait_for_upload": [Handle, WaitCallback, c.c_void_p, FreeUserdata],
    "realm_wait_for_upload_blocking": [Handle, c.c_uint64],
    "realm_wait_for_download_blocking": [Handle, c.c_uint64],
    "realm_session_observe_connection": [Handle, ConnectionCallback, c.c_void_p, FreeUserdata, c.POINTER(c.c_uint64)],
    "realm_session_unobserve_connection": [Handle, c.c_uint64],
}
for function, arguments in SIGNATURES.items():
    getattr(lib, function).argtypes = arguments + [c.POINTER(Error)]
    getattr(lib, function).restype = c.c_int32
for function in ["app", "user", "config", "subscription_set", "session", "results"]:
    getattr(lib, f"realm_{function}_release").argtypes = [Handle]
    getattr(lib, f"realm_{function}_release").restype = None
lib.realm_release.argtypes, lib.realm_release.restype = [Handle], None
lib.realm_user_get_id.argtypes, lib.realm_user_get_id.restype = [Handle], String
lib.realm_object_id_generate.argtypes, lib.realm_object_id_generate.restype = [], Value
lib.realm_live_handle_count.argtypes, lib.realm_live_handle_count.restype = [], c.c_int64


class RealmError(Exception):
    def __init__(self, function, error):
        super().__init__(f"{function}: {error.message.decode()}")
        self.status = error.status


def call(function, *arguments):
    """Calls a function of the library; a failure is an exception."""
    error = Error()
    if getattr(lib, function)(*arguments, c.byref(error)) != OK:
        raise RealmError(function, error)


def new(handles, release, function, *arguments):
    """Calls a function that makes a handle; `handles` releases it at its end."""
    handle = Handle()
    call(function, *arguments, c.byref(handle))
    handles.callback(release, handle)
    return handle


def string(text):
    """A realm_string_t; it keeps the bytes that it points to."""
    data = text.encode()
    s = String(c.cast(c.c_char_p(data), c.c_void_p), len(data))
    s.bytes = data
    return s


def string_value(text):
    s = string(text)
    v = Value(type=TYPE_STRING, size=s.size)
    v.u.data = s.data
    v.bytes = s
    return v


def expect(holds, what):
    if not holds:
        raise AssertionError(f"this should hold, and does not: {what}")


# ------------------------------------------------------------------ the example


class Notes:
    """A synced realm with one class, Note, of which it has those of its user."""

    def __init__(self, url, app_id, folder, handles):
        config = AppConfig(struct_size=c.sizeof(AppConfig), app_id=string(app_id), base_url=string(url), base_path=string(folder))
        app = new(handles, lib.realm_app_release, "realm_app_create", c.byref(config))
        anonymous = Credentials(kind=0)
        user = new(handles, lib.realm_user_release, "realm_app_log_in", app, c.byref(anonymous))
        self.owner = str(lib.realm_user_get_id(user))

        path = c.create_string_buffer(4096)
        call("realm_user_get_realm_path", user, path, len(path), None)
        realm_config = new(handles, lib.realm_config_release, "realm_config_create", string(path.value.decode()))
        # A synced class has a primary key that is called _id.
        properties = (PropertyInfo * 3)(PropertyInfo(name=string("_id"), type=TYPE_OBJECT_ID, primary_key=True),
                                        PropertyInfo(name=string("owner"), type=TYPE_STRING),
                                        PropertyInfo(name=string("text"), type=TYPE_STRING))
        note = ClassInfo(name=string("Note"), properties=properties, n_properties=3)
        call("realm_config_set_schema", realm_config, c.byref(note), 1)
        call("realm_config_set_schema_mode", realm_config, SCHEMA_ADDITIVE_DISCOVERED)
        call("realm_config_set_sync_user", realm_config, user)
        self.realm = new(handles, lib.realm_release, "realm_open", realm_config)
        self.session = new(handles, lib.realm_session_release, "realm_get_sync_session", self.realm)
        key = c.c_uint32()
        call("realm_find_class", self.realm, string("Note"), c.byref(key))
        self.notes = key.value

    def subscribe(self):
        with contextlib.ExitStack() as handles:
            active = new(handles, lib.realm_subscription_set_release, "realm_get_active_subscription_set", self.realm)
            change = new(handles, lib.realm_subscription_set_release, "realm_subscription_set_make_mutable", active)
            owner = string_value(self.owner)
            call("realm_subscription_set_add", change, True, string("notes"), string("Note"), string("owner == $0"), c.byref(owner), 1)
            call("realm_subscription_set_commit", change)
            state = c.c_int()
            call("realm_subscription_set_wait_blocking", change, TIMEOUT_MS, c.byref(state))
            expect(state.value == SUBSCRIPTIONS_COMPLETE, "the server accepts the subscription")

    def write(self, text):
        owner, content = string_value(self.owner), string_value(text)  # they keep the bytes that the values point to
        values = (Value * 3)(lib.realm_object_id_generate(), owner, content)
        call("realm_begin_write", self.realm)
        try:
            call("realm_object_create", self.realm, self.notes, values, 3, 0, None, None)
        except RealmError:
            call("realm_cancel_write", self.realm)
            raise
        call("realm_commit", self.realm)

    def count(self):
        with contextlib.ExitStack() as handles:
            everything = new(handles, lib.realm_results_release, "realm_results_all", self.realm, self.notes)
            n = c.c_size_t()
            call("realm_results_count", everything, c.byref(n))
            return n.value

    def state(self):
        state = c.c_int()
        call("realm_session_state", self.session, c.byref(state))
        return state.value

    def connection(self):
        state = c.c_int()
        call("realm_session_connection_state", self.session, c.byref(state))
        return CONNECTION[state.value]


def manage_sync_session(url, app_id, folder, handles):
    notes = Notes(url, app_id, folder, handles)
    session = notes.session
    print(f"Logged in as {notes.owner}.")
    expect(notes.state() == SESSION_ACTIVE, "the session starts with the realm")

    # Callbacks run on threads of the library. ctypes wants them kept alive as long as they may be called.
    @ConnectionCallback
    def connection_changed(_, before, now):
        print(f"  the connection: {CONNECTION[before]} -> {CONNECTION[now]}")

    no_free = c.cast(None, FreeUserdata)
    token = c.c_uint64()
    call("realm_session_observe_connection", session, connection_changed, None, no_free, c.byref(token))

    notes.subscribe()
    notes.write("written in Python")
    call("realm_wait_for_upload_blocking", session, TIMEOUT_MS)
    call("realm_wait_for_download_blocking", session, TIMEOUT_MS)
    call("realm_refresh", notes.realm, None)
    print("The server has the note.")

    # The wait that calls back.
    done, statuses = threading.Event(), []

    @WaitCallback
    def uploaded(_, status, error):
        statuses.append(status)
        done.set()

    call("realm_wait_for_upload", session, uploaded, None, no_free)
    expect(done.wait(60) and statuses == [OK], "the callback reports success")

    # Paused, writes stay here and waits are pending; resumed, they go out.
    call("realm_session_pause", session)
    expect(notes.state() == SESSION_PAUSED and notes.connection() == "disconnected", "pause() pauses and disconnects")
    notes.write("written while paused")
    expect(notes.count() == 2, "writing goes on")
    expect(lib.realm_wait_for_upload_blocking(session, 100, None) == ERR_TIMEOUT, "nothing is uploaded while paused")
    call("realm_session_resume", session)
    call("realm_wait_for_upload_blocking", session, TIMEOUT_MS)
    print("Resumed, and uploaded.")
    call("realm_session_reconnect", session)
    call("realm_session_unobserve_connection", session, token)

    # The session handle is weak: when the realm is closed everywhere, calls say so.
    call("realm_close", notes.realm)
    state = c.c_int()
    expect(lib.realm_session_state(session, c.byref(state), None) == ERR_SESSION_GONE, "the session is gone with its realm")


def main():
    if len(sys.argv) not in (1, 3):
        print(f"usage: {sys.argv[0]} [URL APP_ID]\nThe server: build/bin/realm-sync-server serve --dev", file=sys.stderr)
        return 2
    url, app_id = sys.argv[1:] or ("http://127.0.0.1:9090", "demo-app")
    with tempfile.TemporaryDirectory(prefix="realm-example-") as folder:
        with contextlib.ExitStack() as handles:
            manage_sync_session(url, app_id, folder, handles)
        expect(lib.realm_live_handle_count() == 0, "every handle was released")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RealmError, AssertionError) as failure:
        print(f"failed: {failure}", file=sys.stderr)
        sys.exit(1)
