"""PyJWT and Authlib against a live server; prints "ok"."""

import json
import sys
import time

import jwt
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT

with open(sys.argv[1], encoding="utf-8") as file:
    scene = json.load(file)


def key_file(name):
    with open(scene[name], encoding="utf-8") as handle:
        return json.load(handle)


def assertion(key, subject):
    now = int(time.time())
    claims = {"iss": subject, "sub": subject, "aud": scene["issuer"], "iat": now, "exp": now + 60}
    return jwt.encode(claims, key["key"], algorithm="RS256", headers={"kid": key["keyId"]})


metadata = requests.get(scene["issuer"] + "/.well-known/openid-configuration", timeout=10).json()

# PyJWT signs the grant, and verifies the token that comes back with the key set.
account = key_file("serviceAccount")
granted = requests.post(
    metadata["token_endpoint"],
    data={
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "scope": "openid " + scene["audience"],
        "assertion": assertion(account, account["userId"]),
    },
    timeout=10,
).json()
token = granted["access_token"]
key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(token)
project = scene["audience"].split(":")[-2]
claims = jwt.decode(token, key.key, algorithms=["RS256"], audience=project, issuer=scene["issuer"])
assert claims["sub"] == scene["user"]

# PyJWT signs the assertion of an application.
application = key_file("application")
seen = requests.post(
    metadata["introspection_endpoint"],
    data={
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion(application, application["clientId"]),
        "token": token,
    },
    timeout=10,
).json()
assert seen["active"] is True and seen["sub"] == scene["user"]

# Authlib introspects with a secret and with a key, and gets a token with a secret.
basic = OAuth2Session(scene["basic"]["id"], scene["basic"]["secret"])
seen = basic.introspect_token(metadata["introspection_endpoint"], token=token).json()
assert seen["active"] is True

signed = OAuth2Session(application["clientId"], application["key"], token_endpoint_auth_method="private_key_jwt")
signed.register_client_auth_method(
    PrivateKeyJWT(metadata["token_endpoint"], headers={"alg": "RS256", "kid": application["keyId"]})
)
seen = signed.introspect_token(metadata["introspection_endpoint"], token=token).json()
assert seen["active"] is True, seen

machine = OAuth2Session(scene["machine"]["id"], scene["machine"]["secret"], scope="openid " + scene["audience"])
granted = machine.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
assert granted["expires_in"] == 43200
machine.revoke_token(metadata["revocation_endpoint"], token=granted["access_token"])
assert basic.introspect_token(metadata["introspection_endpoint"], token=granted["access_token"]).json() == {"active": False}

print("ok")
