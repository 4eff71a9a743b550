// npm oidc-provider, an authorization server that we did not write. Settings as JSON in argv; prints its port, and serves
// until stdin closes. What is set here: who the clients are, and which audiences there are. The path /granted is no part of
// the server: it answers a refresh token as a user's authorization of the client "app" would have brought.
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
  issueRefreshToken: () => true, // else the grant refresh_token is unknown
  rotateRefreshToken: true,
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
const serve = provider.callback();
server.on("request", async (request, response) => {
  if (request.url !== "/granted") return serve(request, response);
  const [accountId, scope] = ["a user", "read write"];
  const resource = "https://api.example.com";
  const grant = new provider.Grant({ accountId, clientId: "app" });
  grant.addResourceScope(resource, scope);
  const grantId = await grant.save();
  const client = await provider.Client.find("app");
  const gty = "authorization_code";
  response.end(await new provider.RefreshToken({ accountId, client, grantId, gty, resource, scope }).save());
});
console.log(server.address().port);
process.stdin.on("close", () => process.exit(0)).resume();
