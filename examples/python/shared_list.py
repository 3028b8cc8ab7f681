#!/usr/bin/env python3
"""A list that two devices change offline: when they meet, the insertions of both survive, in the same order on both.

    build/bin/realm-sync-server serve --dev &
    python3 examples/python/shared_list.py [URL APP_ID]

The types and helpers are those of session.py; here are the functions for collections. A collection is a handle of its own that is read
many elements at a time.
"""
import contextlib
import ctypes as c
import os
import sys
import tempfile

from session import (AppConfig, ClassInfo, Credentials, Error, Handle, PropertyInfo, RealmError, String, Value, call, expect, lib, new, string,
                     string_value, SCHEMA_ADDITIVE_DISCOVERED, SUBSCRIPTIONS_COMPLETE, TIMEOUT_MS, TYPE_OBJECT_ID, TYPE_STRING)

COLLECTION_LIST = 1
STEPS = 1  # the place of the property in the class

for function, arguments in {
        "realm_object_find": [Handle, c.c_uint32, c.POINTER(Value), c.POINTER(Handle)],
        "realm_object_get_collection": [Handle, c.c_uint32, c.POINTER(Handle)],
        "realm_collection_load": [Handle, c.c_size_t, c.c_size_t, c.POINTER(Value), c.POINTER(String), c.POINTER(c.c_size_t)],
        "realm_list_insert": [Handle, c.c_size_t, c.POINTER(Value)],
}.items():
    getattr(lib, function).argtypes = arguments + [c.POINTER(Error)]
    getattr(lib, function).restype = c.c_int32
for function in ["object", "collection"]:
    getattr(lib, f"realm_{function}_release").argtypes = [Handle]
    getattr(lib, f"realm_{function}_release").restype = None


class Device:
    """A user with a synced realm of its own, and the recipe with that id in it."""

    def __init__(self, name, url, app_id, folder, recipe_id, handles):
        self.name, self.id = name, recipe_id
        files = os.path.join(folder, name)
        config = AppConfig(struct_size=c.sizeof(AppConfig), app_id=string(app_id), base_url=string(url), base_path=string(files))
        app = new(handles, lib.realm_app_release, "realm_app_create", c.byref(config))
        user = new(handles, lib.realm_user_release, "realm_app_log_in", app, c.byref(Credentials(kind=0)))
        path = c.create_string_buffer(4096)
        call("realm_user_get_realm_path", user, path, len(path), None)
        realm_config = new(handles, lib.realm_config_release, "realm_config_create", string(path.value.decode()))
        properties = (PropertyInfo * 2)(PropertyInfo(name=string("_id"), type=TYPE_OBJECT_ID, primary_key=True),
                                        PropertyInfo(name=string("steps"), type=TYPE_STRING, collection=COLLECTION_LIST))
        call("realm_config_set_schema", realm_config, c.byref(ClassInfo(name=string("Recipe"), properties=properties, n_properties=2)), 1)
        call("realm_config_set_schema_mode", realm_config, SCHEMA_ADDITIVE_DISCOVERED)
        call("realm_config_set_sync_user", realm_config, user)
        self.realm = new(handles, lib.realm_release, "realm_open", realm_config)
        self.session = new(handles, lib.realm_session_release, "realm_get_sync_session", self.realm)
        key = c.c_uint32()
        call("realm_find_class", self.realm, string("Recipe"), c.byref(key))
        self.recipes = key.value
        self.subscribe()

    def subscribe(self):
        with contextlib.ExitStack() as handles:
            active = new(handles, lib.realm_subscription_set_release, "realm_get_active_subscription_set", self.realm)
            change = new(handles, lib.realm_subscription_set_release, "realm_subscription_set_make_mutable", active)
            call("realm_subscription_set_add", change, True, string("recipe"), string("Recipe"), string("_id == $0"), c.byref(self.id), 1)
            call("realm_subscription_set_commit", change)
            state = c.c_int()
            call("realm_subscription_set_wait_blocking", change, TIMEOUT_MS, c.byref(state))
            expect(state.value == SUBSCRIPTIONS_COMPLETE, "the server accepts the subscription")

    def create(self):
        with self.writing():
            call("realm_object_create", self.realm, self.recipes, c.byref(self.id), 1, 0, None, None)

    @contextlib.contextmanager
    def writing(self):
        call("realm_begin_write", self.realm)
        try:
            yield
        except Exception:
            call("realm_cancel_write", self.realm)
            raise
        call("realm_commit", self.realm)

    @contextlib.contextmanager
    def steps(self):
        """The list, while the block runs. It is live: it could as well be kept."""
        with contextlib.ExitStack() as handles:
            recipe = new(handles, lib.realm_object_release, "realm_object_find", self.realm, self.recipes, c.byref(self.id))
            expect(recipe.value, "the recipe is here")
            yield new(handles, lib.realm_collection_release, "realm_object_get_collection", recipe, STEPS)

    def insert(self, index, step):
        with self.writing(), self.steps() as steps:
            call("realm_list_insert", steps, index, c.byref(string_value(step)))

    def read(self):
        with self.steps() as steps:
            values, n = (Value * 256)(), c.c_size_t()
            call("realm_collection_load", steps, 0, len(values), values, None, c.byref(n))
            return [c.string_at(v.u.data, v.size).decode() for v in values[:n.value]]

    def upload(self):
        call("realm_wait_for_upload_blocking", self.session, TIMEOUT_MS)

    def download(self):
        call("realm_wait_for_download_blocking", self.session, TIMEOUT_MS)
        call("realm_refresh", self.realm, None)


def meet(devices):
    for device in devices:
        device.upload()
    for device in devices:
        device.download()


def share_a_list(url, app_id, folder, handles):
    recipe_id = lib.realm_object_id_generate()
    phone, laptop = devices = [Device(name, url, app_id, folder, recipe_id, handles) for name in ("phone", "laptop")]
    phone.create()
    phone.insert(0, "knead")
    phone.insert(1, "bake")
    meet(devices)
    expect(laptop.read() == ["knead", "bake"], "the laptop has the recipe")

    # Both offline: the phone puts a step in front, the laptop one in the middle.
    for device in devices:
        call("realm_session_pause", device.session)
    phone.insert(0, "mix")
    laptop.insert(1, "let it rest")
    for device in devices:
        call("realm_session_resume", device.session)
    meet(devices)
    for device in devices:
        print(f"  {device.name} has: {', '.join(device.read())}")
    expect(phone.read() == laptop.read() == ["mix", "knead", "let it rest", "bake"], "both steps are in their places")


def main():
    if len(sys.argv) not in (1, 3):
        print(f"usage: {sys.argv[0]} [URL APP_ID]\nThe server: build/bin/realm-sync-server serve --dev", file=sys.stderr)
        return 2
    url, app_id = sys.argv[1:] or ("http://127.0.0.1:9090", "demo-app")
    with tempfile.TemporaryDirectory(prefix="realm-example-") as folder:
        with contextlib.ExitStack() as handles:
            share_a_list(url, app_id, folder, handles)
        expect(lib.realm_live_handle_count() == 0, "every handle was released")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RealmError, AssertionError) as failure:
        print(f"failed: {failure}", file=sys.stderr)
        sys.exit(1)
