// @zitadel/client and @zitadel/node against a live server: an application with a key, from its creation to its
// removal, over gRPC and over gRPC-web as a page of another origin calls; prints "ok".
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServerTransport } from '@zitadel/client/node';
import { createAuthServiceClient, createManagementServiceClient } from '@zitadel/client/v1';
import { createClientTransport } from '@zitadel/client/web';
import * as credentials from '@zitadel/node/dist/credentials/index.js';
import * as sdk from '@zitadel/node/dist/api/index.js';

const scene = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const account = credentials.ServiceAccount.fromJsonString(readFileSync(scene.serviceAccount, 'utf8'));
const token = await account.authenticate(scene.issuer, { apiAccess: true });
// Codes of gRPC, and values of the enums.
const code = { notFound: 5, failedPrecondition: 9, unauthenticated: 16 };
const basic = 0;
const privateKeyJwt = 1;
const keyJson = 1;

/** What a browser does around a call of a page: asks beforehand, and gives the answer to allowed origins only. */
async function page(url, init) {
  const origin = 'https://page.example';
  const headers = new Headers(init.headers);
  const asked = await fetch(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': init.method,
      'access-control-request-headers': [...headers.keys()].sort().join(','),
    },
  });
  assert.ok(asked.ok, `the preflight answered ${asked.status}`);
  const allowed = (asked.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(/\s*,\s*/);
  for (const name of headers.keys()) {
    assert.ok(allowed.includes(name) || allowed.includes('*'), `the preflight allows ${name}`);
  }
  headers.set('origin', origin);
  const answer = await fetch(url, { ...init, headers });
  assert.ok(['*', origin].includes(answer.headers.get('access-control-allow-origin')));
  const exposed = (answer.headers.get('access-control-expose-headers') ?? '').toLowerCase();
  for (const name of ['grpc-status', 'grpc-message']) {
    assert.ok(exposed.includes(name), `${name} is exposed`);
  }
  return answer;
}

/** An application with a key by Management v1, as the generated client of a package has the calls. */
async function application(management, name) {
  const { id: projectId } = await management.addProject({ name });
  assert.equal((await management.getProjectByID({ id: projectId })).project.name, name);
  const app = await management.addAPIApp({ projectId, name, authMethodType: privateKeyJwt });
  assert.ok(app.clientId.length > 0 && app.clientSecret === '');
  const { appId } = app;
  const second = await management.addAPIApp({ projectId, name: `${name} basic`, authMethodType: basic });
  assert.ok(second.clientSecret.length > 20);

  const read = (await management.getAppByID({ projectId, appId })).app;
  assert.deepEqual([read.id, read.name], [appId, name]);
  const list = await management.listApps({ projectId });
  assert.deepEqual([String(list.details.totalResult), list.result.length], ['2', 2]);
  await management.updateApp({ projectId, appId, name: `${name} renamed` });
  await refused(() => management.updateApp({ projectId, appId, name: `${name} renamed` }), code.failedPrecondition);

  const key = await management.addAppKey({ projectId, appId, type: keyJson });
  const file = JSON.parse(new TextDecoder().decode(key.keyDetails));
  assert.deepEqual([file.keyId, file.clientId, file.appId], [key.id, app.clientId, appId]);
  assert.equal((await management.getAppKey({ projectId, appId, keyId: key.id })).key.id, key.id);
  const keys = await management.listAppKeys({ projectId, appId });
  assert.deepEqual(keys.result.map((k) => [k.id, k.type]), [[key.id, keyJson]]);

  await management.removeAppKey({ projectId, appId, keyId: key.id });
  await refused(() => management.getAppKey({ projectId, appId, keyId: key.id }), code.notFound, 'QUERY-Dgr3g');
  await management.removeApp({ projectId, appId });
  await refused(() => management.getAppByID({ projectId, appId }), code.notFound, 'QUERY-pCP8P');
  assert.equal((await management.listApps({ projectId })).result.length, 1);
  await management.removeProject({ id: projectId });
  await refused(() => management.getProjectByID({ id: projectId }), code.notFound);
}

/** The call is refused with this code, and the text names this id. */
async function refused(call, expected, id = '') {
  const error = await call().then(() => ({ message: 'the call was not refused' }), (e) => e);
  assert.equal(error.code, expected, String(error.message));
  assert.ok(String(error.message).includes(id), String(error));
}

const grpc = createServerTransport(token, { baseUrl: scene.issuer });
await application(createManagementServiceClient(grpc), 'grpc');
assert.equal((await createAuthServiceClient(grpc).getMyUser({})).user.id, scene.user);

const web = createClientTransport(token, { baseUrl: scene.issuer, fetch: page });
await application(createManagementServiceClient(web), 'grpc-web');
const stranger = createClientTransport('nonsense', { baseUrl: scene.issuer, fetch: page });
await refused(() => createAuthServiceClient(stranger).getMyUser({}), code.unauthenticated);

const signed = sdk.createServiceAccountInterceptor(scene.issuer, account, { apiAccess: true });
await application(sdk.createManagementClient(scene.issuer, signed), 'nice-grpc');
const personal = sdk.createAccessTokenInterceptor(scene.token);
assert.equal((await sdk.createAuthClient(scene.issuer, personal).getMyUser({})).user.id, scene.user);

console.log('ok');
process.exit(0);
