//! Texts with secrets of each kind, and similar texts without. Secrets are split into parts, so that this file contains none
//! itself.

use proptest::prelude::*;

use super::names::of_file;
use super::*;

/// Texts with a secret, each with its kind.
const HIDDEN: &[(&str, &str)] = &[
    ("Maven password", concat!("<server><id>acme</id><pass", "word>Tr0ub4dor&amp;3</password></server>")),
    ("NuGet API key", concat!("<add key=\"Api", "Secret\" value=\"x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0\" />")),
    ("NuGet password", concat!("<add key=\"ClearText", "Password\" value=\"x3kQ9xWm2Lp7RtVz8BnY\"/>")),
    ("PowerShell", concat!("ConvertTo-Secure", "String \"Tr0ub4dor3xyz\" -AsPlainText -Force")),
    (
        "Composer",
        concat!("{\"github", "-oauth\":{\"github.com\":\"16c7e42f292c6912e7710c838347ae178b4a5d60\"}}"),
    ),
    ("AWS key id", concat!("aws_access_key_id = AK", "IAQ3EGTX7VZL5PWN2K")),
    ("AWS temporary key id", concat!("AS", "IAQ3EGTX7VZL5PWN2K")),
    ("AWS secret key", concat!("aws_secret_access_key = wJalrXUt", "nFEMI/K7MDENG/bPxRfiCYzQ3kEyLm9a")),
    ("AWS secret key in code", concat!("secretAccessKey: \"wJalrXUt", "nFEMI/K7MDENG/bPxRfiCYzQ3kEyLm9a\"")),
    (
        "Azure storage",
        concat!(
            "DefaultEndpointsProtocol=https;AccountName=a;Account",
            "Key=Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MTIzNDU2Nzg5MA==;"
        ),
    ),
    (
        "Azure service bus",
        concat!(
            "Endpoint=sb://a.servicebus.windows.net/;SharedAccess",
            "Key=Q2hhbmdlIHRoaXMga2V5IG5vdyBwbGVhc2UgMTIzNDU2Nzg5MA=="
        ),
    ),
    (
        "Azure SAS",
        concat!(
            "https://a.blob.core.windows.net/c?sv=2022-11-02&s",
            "ig=Rk9PQkFSQkFaUVVYMTIzNDU2Nzg5MGFiY2RlZmdoaWo%3D&x=1"
        ),
    ),
    ("Azure client secret", concat!("secret = \"abc8", "Q~dQ3xK9vLw2Zp7RtYu6BnMc4VfGh1JkLs0aSd\"")),
    ("Google API key", concat!("AI", "zaSyD3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0u")),
    ("Google OAuth secret", concat!("GOCS", "PX-d3kQ9xWm2Lp7RtVz8BnYc4HfGj1")),
    ("Google OAuth access token", concat!("ya", "29.a0AfH6SMBx3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa")),
    ("Google refresh token", concat!("refresh = '1/", "/0gdk3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5Wq'")),
    (
        "Google service account",
        concat!("{\"private_key\": \"-----BEGIN ", "PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0\"}"),
    ),
    ("GitHub token", concat!("gh", "p_16C7e42F292c6912E7710c838347Ae178B4a")),
    ("GitHub OAuth token", concat!("gh", "o_16C7e42F292c6912E7710c838347Ae178B4a")),
    ("GitHub app token", concat!("gh", "s_16C7e42F292c6912E7710c838347Ae178B4a")),
    ("GitHub fine-grained token", concat!("github", "_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ1234567890")),
    ("GitLab token", concat!("glp", "at-x3kQ9xWm2Lp7RtVz8BnY")),
    ("GitLab runner token", concat!("gl", "rt-x3kQ9xWm2Lp7RtVz8BnY")),
    ("GitLab deploy token", concat!("gl", "dt-x3kQ9xWm2Lp7RtVz8BnY")),
    ("Bitbucket app password", concat!("AT", "BBx3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsT")),
    ("Atlassian token", concat!("ATA", "TT3xFfGF0x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5Wq=1A2B3C4D")),
    ("Slack bot token", concat!("xo", "xb-2314982734-Abd82hfKQ")),
    (
        "Slack user token",
        concat!("xo", "xp-231498273412-231498273412-231498273412-abd82hfkq9xwm2lp7rtvz8bnyc4hfgj1"),
    ),
    (
        "Slack webhook",
        concat!("https://hooks.sl", "ack.com/services/T0A1B2C3D/B0A1B2C3D/x3kQ9xWm2Lp7RtVz8BnYc4Hf"),
    ),
    (
        "Discord webhook",
        concat!(
            "https://discord.com/api/web",
            "hooks/123456789012345678/x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5WqPo_mN"
        ),
    ),
    (
        "Teams webhook",
        concat!(
            "https://acme.web",
            "hook.office.com/webhookb2/0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f@0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f/IncomingWebhook/"
        ),
    ),
    ("Telegram bot", concat!("1234567890", ":AAx3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0u")),
    ("Stripe live key", concat!("sk", "_live_4eC39HqLyjWDarjtT1zdp7dc")),
    ("Stripe test key", concat!("sk", "_test_4eC39HqLyjWDarjtT1zdp7dc")),
    ("Stripe restricted key", concat!("rk", "_live_4eC39HqLyjWDarjtT1zdp7dc")),
    ("Stripe webhook secret", concat!("wh", "sec_4eC39HqLyjWDarjtT1zdp7dcAbCd")),
    ("Shopify token", concat!("shp", "at_0a1b2c3d4e5f60718293a4b5c6d7e8f9")),
    ("Shopify shared secret", concat!("shp", "ss_0a1b2c3d4e5f60718293a4b5c6d7e8f9")),
    ("Square token", concat!("sq0", "atp-x3kQ9xWm2Lp7RtVz8BnYc4")),
    ("SendGrid key", concat!("S", "G.x3kQ9xWm2Lp7RtVz8BnYc4.Hf3Gj1KsTa0ue5WqPomNx3kQ9xWm2Lp7RtVz8BnYc4H")),
    ("Mailgun key", concat!("ke", "y-0a1b2c3d4e5f60718293a4b5c6d7e8f9")),
    ("Twilio key", concat!("S", "K0a1b2c3d4e5f60718293a4b5c6d7e8f9")),
    ("npm token", concat!("np", "m_x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5W")),
    ("PyPI token", concat!("py", "pi-AgEIcHlwaS5vcmcCJx3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5Wq")),
    ("RubyGems key", concat!("ruby", "gems_0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f6071")),
    ("crates.io token", concat!("ci", "ox3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0")),
    ("NuGet key", concat!("oy", "2x3kq9xwm2lp7rtvz8bnyc4hfgj1ksta0ue5wqpomnb7v")),
    ("Docker Hub token", concat!("dck", "r_pat_x3kQ9xWm2Lp7RtVz8BnYc4Hf")),
    ("OpenAI key", concat!("s", "k-proj-x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5Wq")),
    ("OpenAI legacy key", concat!("s", "k-x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5WqPomNb7vX2zL")),
    ("Anthropic key", concat!("sk-", "ant-api03-x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5Wq")),
    ("Hugging Face token", concat!("h", "f_x3kQ9xWmLpARtVzBnYcHfGjKsTauePqoZd")),
    ("Groq key", concat!("gs", "k_x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5WqPomNb7vX2zL")),
    ("Replicate token", concat!("r", "8_x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5WqP")),
    (
        "DigitalOcean token",
        concat!("dop", "_v1_0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"),
    ),
    ("Fly token", concat!("fo", "1_x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5WqPomNb7")),
    ("Netlify token", concat!("nf", "p_x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5W")),
    ("Heroku key", concat!("HEROKU_API", "_KEY=0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")),
    ("Supabase token", concat!("sb", "p_0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d")),
    ("PlanetScale password", concat!("pscale", "_pw_x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0")),
    ("Databricks token", concat!("da", "pi0a1b2c3d4e5f60718293a4b5c6d7e8f9")),
    ("Vault token", concat!("hv", "s.x3kQ9xWm2Lp7RtVz8BnYc4Hf")),
    ("Doppler token", concat!("dp.", "pt.x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5WqPomNb7v")),
    ("Pulumi token", concat!("pu", "l-0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d")),
    (
        "Terraform Cloud token",
        concat!(
            "x3kQ9xWm2Lp7Rt.atlas",
            "v1.x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5WqPomNb7vX2zLx3kQ9xWm2Lp7RtVz8B"
        ),
    ),
    ("Tailscale key", concat!("ts", "key-auth-x3kQ9xWm2Lp7RtVz8BnY-c4HfGj1K")),
    ("Grafana token", concat!("gl", "sa_x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0_0a1b2c3d")),
    ("New Relic key", concat!("new_relic_key = NR", "AK-X3KQ9XWM2LP7RTVZ8BNYC4HFGJ1")),
    ("Datadog key", concat!("datadog_api_key: 0a1b2c3d4e5f", "60718293a4b5c6d7e8f90a1b2c3d")),
    ("Sentry token", concat!("sntr", "yu_0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9")),
    ("Linear key", concat!("lin", "_api_x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5WqPom")),
    ("Notion token", concat!("nt", "n_12345678901x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5")),
    ("Figma token", concat!("fi", "gd_x3kQ9xWm2Lp7RtVz8BnYc4HfGj1KsTa0ue5WqPom")),
    ("Postman key", concat!("PM", "AK-0a1b2c3d4e5f60718293a4b5-0a1b2c3d4e5f60718293a4b5c6d7e8f90a")),
    (
        "Airtable token",
        concat!(
            "airtable = pa",
            "tx3kQ9xWm2Lp7Rt.0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
        ),
    ),
    ("Cloudflare key", concat!("CLOUDFLARE_API_TOKEN = \"x3kQ9xWm2Lp7RtVz8", "BnYc4HfGj1KsTa0ue5WqPom\"")),
    ("1Password secret key", concat!("A3", "-X3KQ9X-WM2LP7RTVZ8-BNYC4-HFGJ1-KSTA0")),
    ("age key", concat!("AGE-SEC", "RET-KEY-1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LQPZRY9X8GF2TVDW0S3JN54KHCE")),
    ("age file", concat!("-----BEGIN AGE ENC", "RYPTED FILE-----\nYWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+")),
    ("RSA key", concat!("-----BEGIN RSA ", "PRIVATE KEY-----\nMIIEowIBAAKCAQEAvxyz0")),
    ("OpenSSH key", concat!("-----BEGIN OPENSSH ", "PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA")),
    ("EC key in code", concat!("\"-----BEGIN EC ", "PRIVATE KEY-----\\r\\n\" +\n  \"MHcCAQEEIIGlRbFvd")),
    ("PGP key", concat!("-----BEGIN PGP ", "PRIVATE KEY BLOCK-----\nVersion: 1")),
    ("PuTTY key", concat!("PuTTY-User-Key", "-File-3: ssh-ed25519")),
    ("WireGuard key", concat!("Private", "Key = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=")),
    (
        "JWT",
        concat!(
            "ey",
            "JhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N"
        ),
    ),
    ("Postgres URL", concat!("postgres://app:S3c", "r3t@db/x")),
    ("MySQL URL", concat!("DATABASE_URL=mysql://shop:k9x", "Wm2Lp@10.0.0.3:3306/shop")),
    ("MongoDB URL", concat!("mongodb+srv://app:k9x", "Wm2Lp@cluster0.abcde.mongodb.net/")),
    ("Redis URL without a user", concat!("redis://:k9x", "Wm2Lp7R@cache:6379/0")),
    ("AMQP URL", concat!("amqps://app:k9x", "Wm2Lp7R@mq/vhost")),
    ("proxy URL", concat!("https_proxy=http://jane:k9x", "Wm2Lp7R@proxy:3128")),
    ("password in code", concat!("password = \"k9x", "Wm2Lp7R\"")),
    ("short password", concat!("password = \"hunt", "er2\"")),
    ("password with a type", concat!("const PASSWORD: &str = \"k9x", "Wm2Lp7R\";")),
    ("password in JSON", concat!("{\"dbPassword\": \"Tr0ub4", "dor&3\"}")),
    ("password in YAML", concat!("  password: k9x", "Wm2Lp7R\n")),
    ("password in properties", concat!("spring.datasource.password=k9x", "Wm2Lp7R\n")),
    ("password in a shell", concat!("export PGPASSWORD='k9x", "Wm2Lp7R'")),
    ("password in a connection string", concat!("Server=db;User Id=sa;Password=k9x", "Wm2Lp7R;Encrypt=true")),
    (
        "Django secret key",
        concat!("SECRET_KEY = 'django-insecure-3k!q9x", "wm2$lp7rt(vz8b^nyc4hf@gj1ks+ta0u=e5'"),
    ),
    (
        "Rails secret",
        concat!("secret_key_base: 0a1b2c3d4e5f60718293a4b5", "c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"),
    ),
    ("API key in code", concat!("api_key = \"x3kQ9xWm2Lp7", "RtVz8BnYc4Hf\"")),
    ("client secret", concat!("client_sec", "ret: 'x3kQ9xWm2Lp7RtVz8BnYc4Hf'")),
    ("token in a map", concat!("{ \"auth_token\" => \"x3kQ9xWm2Lp7", "RtVz8BnYc4Hf\" }")),
    ("bearer header", concat!("Authorization: Bearer x3kQ9xWm2Lp7", "RtVz8BnYc4Hf")),
    ("basic header", concat!("headers = {'Authorization': 'Basic amFuZTprOXhX", "bTJMcDdSNDU2Nw=='}")),
    ("kubeconfig key", concat!("    client-key-", "data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQo=")),
    (
        "Kubernetes secret",
        concat!("kind: Sec", "ret\nmetadata:\n  name: a\ndata:\n  password: azl4V20yTHA3Ug==\n"),
    ),
    ("Docker auth", concat!("\"auths\": {\"r\": {\"au", "th\": \"amFuZTprOXhXbTJMcDdS\"}}")),
    (".npmrc", concat!("//npm.acme.dev/:_auth", "Token=0a1b2c3d-4e5f-6071-8293-A4b5c6d7e8f9")),
    (".pgpass", concat!("db.internal:54", "32:shop:app:k9xWm2Lp7R")),
    (".netrc", concat!("machine api.acme.dev\n  login jane\n  pass", "word k9xWm2Lp7R\n")),
    (
        "password hash",
        concat!("root:$", "6$rounds=5000$usesomesilly$KqJWpanXZHKq2BOB43TSaYhEWsQ1Lr5QNyPCDH/Tp.6"),
    ),
    ("bcrypt hash", concat!("jane:$", "2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW")),
    ("curl login", concat!("curl -s -u jane:k9x", "Wm2Lp7R https://acme.dev/api")),
];

/// Texts that look like secrets, and are not.
const SHOWN: &[&str] = &[
    "",
    "-",
    concat!("if line == \"-----BEGIN ", "PRIVATE KEY-----\" {"),
    concat!("-----BEGIN ", "PRIVATE KEY-----\n...\n"),
    "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEAvxyz0",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B",
    concat!("AK", "IAIOSFODNN7EXAMPLE"),
    concat!("gh", "p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    "ghp_ is a prefix",
    "AKIA1234",
    "sk_live_...",
    "npm_config_registry",
    "task-sk-live-view",
    "let hf_model = load(); xoxo",
    "password = \"password\"",
    "password = 'changeme'",
    "password = \"test123\"",
    "password: 'secret123',",
    "password = \"\"",
    "password = os.environ[\"DB_PASSWORD\"]",
    "password = getpass.getpass()",
    "password=\"${DB_PASSWORD}\"",
    "password: {{ .Values.password }}",
    "password: $DB_PASSWORD",
    "password: <your password>",
    "label = \"Password must be at least 8 characters\"",
    "errors.password = \"Password is too short!\"",
    "<string name=\"password\">Password</string>",
    "<password></password><token>${env.TOKEN}</token>",
    "<param name=\"token\" value=\"${TOKEN}\"/>",
    "<input type=\"hidden\" name=\"token_type\" value=\"bearer\">",
    "ConvertTo-SecureString $password -AsPlainText",
    "<input type=\"password\" name=\"password1\" placeholder=\"Password\">",
    "passwordInput = document.querySelector(\"#user-password\")",
    "PASSWORD_RESET = \"auth/password-reset\"",
    "fn check_password(password: &str, hash: &str) -> bool {",
    "self.password = password",
    "password = config.database.password1",
    "pwd = os.getcwd()",
    "token = self.next_token()",
    "let token = Token::new(Kind::Ident, 0..12);",
    "token: \"identifier_or_keyword\"",
    "const TOKEN_TYPE = \"urn:ietf:params:oauth:token-type:access_token\";",
    "secret_name = \"prod/database/credentials\"",
    "api_key = settings.API_KEY",
    "API_KEY_HEADER = \"X-Api-Key-Version-2\"",
    "api_key: \"YOUR_API_KEY\"",
    "apiKey: process.env.API_KEY,",
    "access_key = \"<access key>\"",
    "SECRET_KEY = os.getenv('SECRET_KEY', 'change-me-in-production-1a2b3c')",
    "secret: \"projects/my-project/secrets/db-password/versions/2\"",
    "token = sha256_of_contents_v2(name)",
    "private_key_path = \"/etc/ssl/private/server.key\"",
    "postgres://postgres:postgres@localhost:5432/app_test",
    "postgres://user:password@localhost/db",
    "url = f\"postgres://{user}:{password}@{host}/{name}\"",
    "https://user:${TOKEN}@github.com/acme/app.git",
    "http://example.com:8080/a@b",
    "ssh://git@github.com:22/acme/app.git",
    "git clone https://github.com/acme/app.git",
    "Authorization: Bearer <token>",
    "headers[\"Authorization\"] = `Bearer ${token}`",
    "curl -u \"$USER:$TOKEN\" https://acme.dev",
    "\"integrity\": \"sha512-9n7p7bVhKkqVVq0vYvP5rQ4Zf1n0Gk9C2GQ9hZbq1o3Xk0bX0l8uFv==\"",
    "checksum = \"d13a1ce4c7d4a0f0bcd2a4d1a9b5ca7ee7b6c4d2c8ff1ab3e9a0d6f1f6a9c3b7\"",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "id = \"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"",
    "eyJ is how a JWT begins",
    "class TokenStream2Parser: pass",
    "kind: Secret\nmetadata:\n  name: a\ndata:\n  password: {{ .Values.password | b64enc }}\n",
    "machine learning login page password reset",
    "host:5432:port",
    "cookie: \"session_token; Max-Age=3600\"",
    "color: #a1b2c3; --token-color-2: var(--gray-500)",
    "regex = r'sk_live_[0-9a-zA-Z]{24}'",
    concat!("key = \"sk", "_test_4eC39HqLyjWDarjtT1zdp7dc\" # gitleaks:allow"),
    concat!("password = \"k9xWm2Lp7R\"  # pragma", ": allowlist secret"),
];

#[test]
fn every_kind_is_detected_at_any_position() {
    assert!(HIDDEN.len() >= 80);
    let mut shown = Vec::new();
    for (kind, text) in HIDDEN {
        for (before, after) in [("", ""), ("a\n", "\nb\n"), ("é😀 é\n\t", "\n"), ("a\r\n", "\r\nb")] {
            if in_text(&format!("{before}{text}{after}")).is_none() {
                shown.push((kind, before));
            }
        }
    }
    assert!(shown.is_empty(), "a model would see {shown:?}");
}

#[test]
fn text_that_only_looks_like_a_secret_is_shown() {
    assert!(SHOWN.len() >= 40);
    let hidden: Vec<_> = SHOWN.iter().filter_map(|text| Some((in_text(text)?.rule, text))).collect();
    assert!(hidden.is_empty(), "no model would see {hidden:#?}");
}

#[test]
fn the_rule_and_the_line_are_named() {
    let (_, id) = HIDDEN.iter().find(|(kind, _)| *kind == "AWS temporary key id").expect("a kind");
    let text = format!("a\nb\nkey {id}\n");
    assert_eq!(in_text(&text), Some(SecretText { rule: "aws-access-key", line: 3 }));
}

#[test]
fn every_rule_can_be_compiled() {
    assert!(texts::compile_all() > 80);
}

#[test]
fn settings_and_keys_are_secrets_by_name() {
    for name in [
        ".env",
        ".ENV",
        ".env.production",
        "prod.env",
        ".envrc",
        ".env ",
        ".env.",
        ".env~",
        ".env.swp",
        ".env_prod",
        "env.local",
        "id_rsa.bak",
        ".env::$DATA",
        "server.PEM",
        "AuthKey_X.p8",
        "a.p12",
        "id_ed25519",
        "client_secret_123.apps.googleusercontent.com.json",
        "shop-firebase-adminsdk-ab1-cd2.json",
        "terraform.tfvars",
        "terraform.tfvars.json",
        "prod.auto.tfvars",
        "appsettings.Production.json",
        "local.settings.json",
        ".dev.vars",
        "wp-config.php",
        ".npmrc",
        ".pgpass",
        "pgpass.conf",
        ".netrc",
        "kubeconfig",
        "prod.kubeconfig",
        "secrets.yaml",
        "secret.json",
        "credentials.toml",
        "credentials",
        ".git-credentials",
        "passwords.txt",
        ".vault_pass",
        "service-account.json",
        "a.tfstate",
    ] {
        assert!(of_file(name).is_some(), "{name} would be read");
    }
}

#[test]
fn templates_and_code_are_no_secrets_by_name() {
    for name in [
        ".env.example",
        ".env.example.bak",
        "id_rsa.ts",
        "~",
        ".env.local.example",
        ".env.production.sample",
        "example.env",
        ".env.template",
        "secrets.vue",
        "secrets.tf",
        "secrets.rs",
        "secrets.svelte",
        "credentials.py",
        "secret.ts",
        "secrets.md",
        "secrets.example.yaml",
        "terraform.tfvars.example",
        "wp-config-sample.php",
        "appsettings.json",
        "Dockerfile",
        "environment.rs",
        "keys.rs",
        "monkey.py",
        "key.ts",
        "package.json",
        "password.tsx",
        "passwords.html",
        "env.d.ts",
        "kube_config.go",
    ] {
        assert_eq!(of_file(name), None, "{name}");
    }
}

proptest! {
    /// The counts of all pieces add up to the count of the whole.
    #[test]
    fn pieces_add_up(parts in prop::collection::vec((0usize..HIDDEN.len() + 3, 0usize..90), 1..6), cut in 0usize..2000) {
        let mut text = String::new();
        for (at, gap) in parts {
            text.push_str(HIDDEN.get(at).map_or("plain = text; // é\n", |(_, text)| text));
            text.push_str(&"x \n"[at % 3..].repeat(gap));
        }
        let bytes = text.as_bytes();
        let cut = cut.min(bytes.len());
        let piece = |from: usize, to: usize| {
            let (first, last) = (from.saturating_sub(BEFORE), bytes.len().min(to + REACH));
            starts(&bytes[first..last], from - first..to - first)
        };
        prop_assert_eq!(piece(0, cut) + piece(cut, bytes.len()), starts(bytes, 0..bytes.len()));
    }
}
