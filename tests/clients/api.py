"""The package zitadel-client against a live server: an application with a key by the v2 services, over Connect with
JSON, from its creation to its removal; prints "ok"."""

import base64
import json
import sys
from datetime import datetime, timezone

import zitadel_client.models as m
from zitadel_client.exceptions import ApiError
from zitadel_client.zitadel import Zitadel

with open(sys.argv[1], encoding="utf-8") as file:
    scene = json.load(file)
ends = datetime(2519, 4, 1, 8, 45, tzinfo=timezone.utc)


def refused(status, code, call, request):
    try:
        call(request)
    except ApiError as error:
        body = error.response_body
        body = json.loads(body) if isinstance(body, (str, bytes)) else body
        assert (error.code, body["code"]) == (status, code), (error.code, body)
    else:
        raise AssertionError("the call was not refused")


def application(client):
    apps, project = client.applications, scene["project"]
    made = apps.create_application(
        m.ApplicationServiceCreateApplicationRequest(
            project_id=project,
            name="python",
            api_configuration=m.ApplicationServiceCreateAPIApplicationRequest(
                auth_method_type=m.ApplicationServiceAPIAuthMethodType.API_AUTH_METHOD_TYPE_PRIVATE_KEY_JWT
            ),
        )
    )
    one = made.application_id
    get = m.ApplicationServiceGetApplicationRequest(application_id=one)
    read = apps.get_application(get).application
    assert (read.name, read.project_id) == ("python", project)
    assert read.api_configuration.client_id == made.api_configuration.client_id
    update = m.ApplicationServiceUpdateApplicationRequest(application_id=one, project_id=project, name="renamed")
    apps.update_application(update)
    by_name = m.ApplicationServiceApplicationSearchFilter(
        name_filter=m.ApplicationServiceApplicationNameFilter(
            name="REN", method=m.ApplicationServiceTextFilterMethod.TEXT_FILTER_METHOD_STARTS_WITH_IGNORE_CASE
        )
    )
    of_project = m.ApplicationServiceApplicationSearchFilter(
        project_id_filter=m.ApplicationServiceProjectIDFilter(project_id=project)
    )
    listed = apps.list_applications(m.ApplicationServiceListApplicationsRequest(filters=[of_project, by_name]))
    assert [app.application_id for app in listed.applications] == [one]
    assert int(listed.pagination.total_result) == 1

    key = apps.create_application_key(
        m.ApplicationServiceCreateApplicationKeyRequest(application_id=one, project_id=project, expiration_date=ends)
    )
    details = key.key_details
    file = json.loads(base64.b64decode(details))
    assert (file["keyId"], file["clientId"]) == (key.key_id, made.api_configuration.client_id)
    get_key = m.ApplicationServiceGetApplicationKeyRequest(key_id=key.key_id)
    seen = apps.get_application_key(get_key)
    assert seen.expiration_date == ends, seen
    of_app = m.ApplicationServiceApplicationKeySearchFilter(
        application_id_filter=m.ApplicationServiceApplicationKeyApplicationIDFilter(application_id=one)
    )
    keys = apps.list_application_keys(m.ApplicationServiceListApplicationKeysRequest(filters=[of_app]))
    assert [k.key_id for k in keys.keys] == [key.key_id]

    apps.delete_application_key(
        m.ApplicationServiceDeleteApplicationKeyRequest(key_id=key.key_id, application_id=one, project_id=project)
    )
    refused(404, "not_found", apps.get_application_key, get_key)
    apps.delete_application(m.ApplicationServiceDeleteApplicationRequest(application_id=one, project_id=project))
    refused(404, "not_found", apps.get_application, get)


application(Zitadel.with_private_key(scene["issuer"], scene["serviceAccount"]))
application(Zitadel.with_access_token(scene["issuer"], scene["token"]))
application(Zitadel.with_client_credentials(scene["issuer"], scene["machine"]["id"], scene["machine"]["secret"]))
print("ok")
