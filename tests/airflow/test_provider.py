"""What the provider declares: valid by Airflow's own schemas, and used by Airflow."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from importlib.metadata import distribution
from importlib.resources import files
from importlib.util import find_spec
from typing import Any

import jsonschema
import pytest
from airflow.sdk import BaseHook, BaseOperator
from airflow.sdk.bases.sensor import BaseSensorOperator
from airflow.triggers.base import BaseTrigger

import stablecog_provider.airflow as airflow_room
from stablecog_provider import __version__, get_provider_info
from stablecog_provider.airflow.hooks import StablecogHook

INFO = get_provider_info()
(FORM,) = INFO["connection-types"]


def schema(name: str) -> Any:
    return json.loads(files("airflow").joinpath(name).read_text())


def test_it_satisfies_the_schema_that_airflow_checks_providers_with() -> None:
    jsonschema.validate(INFO, schema("provider_info.schema.json"))


@pytest.mark.parametrize("part", ["connection-types", "hooks", "operators", "sensors", "triggers", "integrations"])
def test_each_part_satisfies_the_stricter_schema_of_provider_yaml(part: str) -> None:
    whole = schema("provider.yaml.schema.json")
    jsonschema.validate(INFO[part], {**whole["properties"][part], "definitions": whole.get("definitions", {})})


def test_it_has_the_name_of_the_distribution() -> None:
    (entry,) = distribution(INFO["package-name"]).entry_points.select(group="apache_airflow_provider")
    assert entry.load() is get_provider_info
    assert INFO["versions"] == [__version__]


def test_everything_it_names_exists() -> None:
    for part in ("hooks", "operators", "sensors", "triggers"):
        for group in INFO[part]:
            assert group["integration-name"] == INFO["integrations"][0]["integration-name"]
            for module in group["python-modules"]:
                importlib.import_module(module)
    module, _, name = FORM["hook-class-name"].rpartition(".")
    assert getattr(importlib.import_module(module), name) is StablecogHook
    assert FORM["connection-type"] == StablecogHook.conn_type
    assert FORM["hook-name"] == StablecogHook.hook_name


@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")  # Airflow's own import
@pytest.mark.parametrize(
    ("part", "base"),
    [("hooks", BaseHook), ("operators", BaseOperator), ("sensors", BaseSensorOperator), ("triggers", BaseTrigger)],
)
def test_every_public_class_is_in_a_module_that_it_names(part: str, base: type) -> None:
    """Of each kind, all classes of ours that a user may import."""
    named = {module for group in INFO[part] for module in group["python-modules"]}
    public = {
        kind.__name__
        for module in pkgutil.walk_packages(airflow_room.__path__, f"{airflow_room.__name__}.")
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        if issubclass(kind, base)
        and kind.__module__.startswith(airflow_room.__name__)
        and kind.__name__.startswith("Stablecog")
    }
    if base is BaseOperator:
        public = {name for name in public if not name.endswith("Sensor")}
    offered = {name for module in named for name in vars(importlib.import_module(module))}
    assert public
    assert public <= offered


def test_airflow_lists_the_provider_and_its_form() -> None:
    from airflow.providers_manager import ProvidersManager

    manager = ProvidersManager()
    assert INFO["package-name"] in manager.providers
    try:
        from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime
    except ImportError:  # below 3.2
        hooks: Any = manager.hooks
        has_forms = find_spec("flask_appbuilder") is not None
    else:
        hooks = ProvidersManagerTaskRuntime().hooks
        has_forms = True
    hook = hooks["stablecog"]
    assert hook is not None
    assert (hook.hook_name, hook.connection_id_attribute_name) == ("Stablecog", "stablecog_conn_id")
    if not has_forms:
        pytest.skip("below 3.2, Airflow has no forms without Flask-AppBuilder")
    assert manager.field_behaviours["stablecog"]["relabeling"]["password"] == "API key"
    fields = {name for name in manager.connection_form_widgets if name.startswith("extra__stablecog__")}
    assert fields == {
        "extra__stablecog__image_hosts",
        "extra__stablecog__requests_per_second",
        "extra__stablecog__secret_headers",
    }


def test_the_form_of_airflow_3_1_has_the_same_wording() -> None:
    behaviour = StablecogHook.get_ui_field_behaviour()
    jsonschema.validate(behaviour, schema("customized_form_field_behaviours.schema.json"))
    assert behaviour["hidden_fields"] == FORM["ui-field-behaviour"]["hidden-fields"]


@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")  # Airflow's own call
def test_airflow_tests_a_connection_through_the_hook() -> None:
    """As the form's button does; an empty key is refused before any request."""
    from airflow.models import Connection

    works, words = Connection(conn_id="stablecog_default", conn_type="stablecog").test_connection()
    assert not works
    assert "stablecog_default" in words
