// The certified provider library, with the clients, people and keys of a test. Prints a line when it listens.
import Provider from "oidc-provider";

const { port, jwks, clients, people } = JSON.parse(process.argv[2]);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks,
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["preferred_username", "groups"] },
  cookies: { keys: ["of a test"] },
  features: { devInteractions: { enabled: true } },
  pkce: { required: () => true },
  findAccount: (_, sub) => people[sub] && { accountId: sub, claims: () => ({ sub, ...people[sub] }) },
});
provider.listen(port, "127.0.0.1", () => console.log("ready"));
