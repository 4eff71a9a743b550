// npm oidc-provider, an authorization server that we did not write. Settings as JSON in argv; prints its port, and serves
// until stdin closes. What is set here: who the clients are, and which audiences there are.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const settings = JSON.parse(process.argv[2]);
const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients: settings.clients,
  clientAuthMethods: ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"],
  enabledJWA: {
    clientAuthSigningAlgValues: ["HS256", "RS256", "PS256", "ES256", "ES384", "ES512", "Ed25519", "EdDSA"],
  },
  scopes: ["read", "write"],
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => ({ scope: "read write", audience: resource, accessTokenFormat: "jwt" }),
    },
  },
});
provider.on("server_error", (_ctx, error) => console.error(error));
server.on("request", provider.callback());
console.log(server.address().port);
process.stdin.on("close", () => process.exit(0)).resume();
