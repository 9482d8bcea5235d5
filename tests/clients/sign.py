"""Signs a token with a private key file by PyJWT, verifies it with the public one, prints it."""

import sys

import jwt

private, public = (open(path, encoding="ascii").read() for path in sys.argv[1:3])
token = jwt.encode({"iss": "pyjwt", "exp": 9999999999}, private, algorithm="RS256")
assert jwt.decode(token, public, algorithms=["RS256"])["iss"] == "pyjwt"
print(token)
