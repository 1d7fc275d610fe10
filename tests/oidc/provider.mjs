// An OpenID provider on loopback with one public client, which rotates refresh tokens and revokes the grant where one is used twice.
//
// It says its token endpoint first, and then answers each line it reads, until its input ends.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";

const CLIENT = "agent";
const SCOPE = "openid offline_access";

const server = createServer();
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: CLIENT,
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: [`${issuer}/nowhere`],
    },
  ],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  rotateRefreshToken: true,
  ttl: { AccessToken: 3600, IdToken: 3600, Grant: 86400, RefreshToken: 86400 },
});

const tally = { posts: 0, minted: 0, refused: 0, revoked: 0 };
provider.on("grant.success", () => (tally.minted += 1));
provider.on("grant.error", () => (tally.refused += 1));
provider.on("grant.revoked", () => (tally.revoked += 1));

let gate = Promise.resolve();
let open = () => {};

provider.use(async (context, next) => {
  tally.posts += 1;
  await gate;
  await next();
});

server.on("request", provider.callback());

// What a browser would lead to: the user agreed, and the client has its first refresh token.
async function login() {
  const accountId = "user";
  const grant = new provider.Grant({ accountId, clientId: CLIENT });
  grant.addOIDCScope(SCOPE);
  const grantId = await grant.save();
  const client = await provider.Client.find(CLIENT);
  const token = new provider.RefreshToken({ accountId, client, grantId, scope: SCOPE, gty: "authorization_code" });
  return token.save();
}

const commands = {
  login,
  tally: () => JSON.stringify(tally),
  hold: () => {
    gate = new Promise((opened) => (open = opened));
    return "held";
  },
  release: () => {
    open();
    return "released";
  },
};

console.log(`${issuer}/token`);
for await (const line of createInterface({ input: process.stdin })) {
  console.log(await commands[line]());
}
process.exit();
