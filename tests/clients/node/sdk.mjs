// @zitadel/node and openid-client against a live server; prints "ok".
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as client from 'openid-client';
import * as credentials from '@zitadel/node/dist/credentials/index.js';

const scene = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const insecure = { execute: [client.allowInsecureRequests] };
const issuer = new URL(scene.issuer);

// The SDK: a service account gets a token with its key file.
const account = credentials.ServiceAccount.fromJsonString(readFileSync(scene.serviceAccount, 'utf8'));
const token = await account.authenticate(scene.issuer, { apiAccess: true, additionalScopes: [scene.audience] });
const me = await fetch(`${scene.issuer}/management/v1/orgs/me`, { headers: { authorization: `Bearer ${token}` } });
assert.equal(me.status, 200);

// The SDK's application signs an assertion with its key file.
const application = credentials.Application.fromJsonString(readFileSync(scene.application, 'utf8'));
const assertion = await application.getSignedJwt(scene.issuer);
const answer = await fetch(`${scene.issuer}/oauth/v2/introspect`, {
  method: 'POST',
  body: new URLSearchParams({
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
    token,
  }),
});
const seen = await answer.json();
assert.deepEqual([seen.active, seen.sub], [true, scene.user]);

// openid-client: a resource server with a private key.
const file = JSON.parse(readFileSync(scene.application, 'utf8'));
const pkcs8 = createPrivateKey(file.key).export({ type: 'pkcs8', format: 'der' });
const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
const key = await crypto.subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']);
const byKey = client.PrivateKeyJwt({ key, kid: file.keyId });
const server = await client.discovery(issuer, file.clientId, undefined, byKey, insecure);
assert.equal((await client.tokenIntrospection(server, token)).active, true);
assert.equal((await client.tokenIntrospection(server, 'nonsense')).active, false);

// openid-client: a resource server with a secret.
const { id, secret } = scene.basic;
const basic = await client.discovery(issuer, id, undefined, client.ClientSecretBasic(secret), insecure);
assert.equal((await client.tokenIntrospection(basic, token)).sub, scene.user);

// openid-client: a machine by client credentials, and the end of its token.
const machine = await client.discovery(
  issuer, scene.machine.id, undefined, client.ClientSecretPost(scene.machine.secret), insecure,
);
const granted = await client.clientCredentialsGrant(machine, { scope: `openid profile ${scene.audience}` });
assert.equal(granted.expires_in, 43200);
const info = await client.fetchUserInfo(machine, granted.access_token, scene.user);
assert.equal(info.name, 'SDK');
await client.tokenRevocation(machine, granted.access_token);
assert.equal((await client.tokenIntrospection(basic, granted.access_token)).active, false);

console.log('ok');
