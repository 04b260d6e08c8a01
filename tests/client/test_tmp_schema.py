import asyncio, pytest
from tests.api.test_schemathesis import *
from schemathesis.openapi import from_asgi
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from api.app import create_app
from api.wiring import build_services
from security.egress import Egress
from tests.instances.shelf import Shelf
@pytest.fixture
def schema(settings, database):
    client = asyncio.run(Client.connect(settings.temporal.address, lazy=True, data_converter=pydantic_data_converter))
    services = build_services(settings, database, client, Egress(settings.egress))
    caller = person(services.accounts, "plant-7", "admin")
    sh=Shelf("plant-7"); sh.publish()
    services.instances._catalogue=sh; services.schedules._catalogue=sh
    config = SchemathesisConfig.from_dict({**CONFIG, "generation": {"max-examples": 15}, "request-timeout": 10, "headers": caller.headers})
    return from_asgi("/openapi.json", create_app(services, settings), config=config).include(path_regex="instances|schedules")
@pytest.mark.timeout(400)
def test_x(schema):
    found=list(failures(schema)); assert not found, "\n\n".join(found)
