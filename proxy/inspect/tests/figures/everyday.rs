//! What fools in everyday files: manifests, workflows, logs, tests, highlighters, migrations, public identifiers.

use crate::corpus::File;
use crate::random::{BASE62, BASE64URL, HEX, Random, base64};

/// Path, kind, and lines that are the same each time.
const TEXTS: &[(&str, &str, &str)] = &[
    (
        "deploy/deployment.yaml",
        "manifests and workflows",
        r#"            secretKeyRef:
              name: shop-db
              key: password
      imagePullSecrets:
        - name: registry-credentials
      serviceAccountToken:
        path: token
        expirationSeconds: 3600
        audience: vault
  existingSecretPasswordKey: postgres-password
  secretKeys: {adminPasswordKey: admin-password, userPasswordKey: user-password}
          token: ${{ secrets.GITHUB_TOKEN }}
          github-token: ${{ github.token }}
          key: ${{ runner.os }}-node-${{ hashFiles('**/package-lock.json') }}
          restore-keys: ubuntu-22.04-node-
      POSTGRES_PASSWORD_FILE: /run/secrets/db_password
  db_password:
    external: true
  auth: {type: basic, secretRef: shop-basic-auth}
  tlsSecret: shop-example-com-tls
  credentialsId: 'nexus-deployer',
  withCredentials([string(credentialsId: 'sonar-token', variable: 'SONAR_TOKEN')]) {
  vaultPath: kv/shop/production
  authMethod: kubernetes
  issuerRef: {kind: ClusterIssuer, name: letsencrypt-prod}
  passwordless: true
  secretProviderClass: shop-azure-keyvault
  api_key_source: HEADER
  key_name = aws_key_pair.deployer.key_name
  kms_master_key_id = aws_kms_key.shop.arn
  password = random_password.db.result
  secret_string = jsonencode({ username = "app", password = random_password.db.result })
  token = data.google_client_config.default.access_token
"#,
    ),
    (
        "log/service.txt",
        "logs",
        r#"2024-05-01T10:00:00Z INFO token refreshed for user 42 in 13 ms
May  1 10:00:00 web sshd[311]: Failed password for invalid user oracle from 10.2.0.9 port 51123 ssh2
pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.2.0.9
level=warn msg="secret not found" secret=shop/registry-credentials namespace=shop
GET /login?next=/orders 302 key=session-expired user=anonymous
[auth] password reset requested: user=jane@shop.example result=mail-sent
tests: pass=212 fail=0 skip=3
ok 14 - password is hashed before it is saved
error: unexpected token: expected one of `,`, `.` or `)`, found `fn`
SyntaxError: Unexpected token '<', "<!DOCTYPE "... is not valid JSON
cache miss key=orders:list:page=3:sort=date ttl=300
  passed: 44, failed: 0, duration: 3.4s
DEBUG auth.provider=ldap auth.result=success token.kind=refresh
npm WARN deprecated password-prompt@1.0.2: use prompts instead
"#,
    ),
    (
        "src/login.test.js",
        "tests of code",
        r#"  expect(page.getByLabel('Password')).toBeVisible();
  assertEquals("password", field.getName());
  const user = new User({ name: 'jane', password: 'test' });
  cy.get('#password').should('have.value', '');
  await page.fill('input[name="password"]', password);
  it('asks for the password again when the token has expired', async () => {
  assert_eq!(lexer.next(), Some(Token::String("abc".into())));
  self.client.login(username="jane", password="password")
  fireEvent.change(screen.getByPlaceholderText('Password'), { target: { value: 'secret' } });
  token: 'invalid-token',
  process.env.API_KEY = 'test-api-key';
  when(config.getSecret()).thenReturn("test-secret");
  fake_token = "fake-token-for-tests"
  password: Faker::Internet.password(min_length: 8)
  monkeypatch.setenv("API_TOKEN", "dummy")
  User.create(login="bob", password="bob")
  expect(mask('secret')).toBe('******');
  apiKey: 'YOUR_API_KEY_FOR_TESTS',
  $this->post('/login', ['email' => $user->email, 'password' => 'password']);
"#,
    ),
    (
        "web/mode.js",
        "highlighters and lexers",
        r#"    token : "constant.numeric", // float
    token: ["keyword", "text", "entity.name.function"],
    { token: "keyword.operator", regex: "\\b(?:in|of)\\b" },
<span class="token string">"abc"</span><span class="token punctuation">;</span>
    token = "comment.block.documentation"
.token.keyword, .token.property { color: #07a; }
      key: "Ctrl-Space", run: startCompletion,
  "keys": ["ctrl+shift+p"], "command": "show_overlay",
  key = "ctrl+alt+delete"
    tokenClass: 'markup.heading.marker',
    next: "start", token: "punctuation.definition.string.end"
  "scopeName": "source.shop.password-rules",
"#,
    ),
    (
        "accounts/migrations/0001_initial.py",
        "migrations and interfaces",
        r#"                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('token', models.CharField(max_length=40, unique=True, db_index=True)),
            name='auth_token', field=models.OneToOneField(related_name='auth_token', to='accounts.User'),
      t.string :reset_password_token, index: { unique: true }
    $table->string('api_token', 80)->unique()->nullable()->default(null);
  password  String   @db.VarChar(60)
  refreshToken String? @unique @map("refresh_token")
        password: {type: string, format: password, example: "string"}
      "token": {"description": "JWT of the session", "type": "string", "example": "eyJhbGciOi..."},
  `secret` varchar(64) COLLATE utf8mb4_unicode_ci DEFAULT NULL,
  CONSTRAINT api_key_owner FOREIGN KEY (owner_id) REFERENCES account (id) ON DELETE CASCADE
  UNIQUE KEY `users_email_token` (`email`,`token`),
  message LoginRequest { string user = 1; string password = 2; }
  @Input() passwordStrength: 'weak' | 'fair' | 'strong' = 'weak';
  "accessTokenLifespan": 300, "ssoSessionIdleTimeout": 1800, "passwordPolicy": "length(8) and digits(1)",
  "tokenEndpoint": "https://id.shop.example/protocol/openid-connect/token",
"#,
    ),
    (
        "i18n/app.strings",
        "words for people",
        r#""password.placeholder" = "Enter password";
"login.token.expired" = "Your session has ended. Please log in again.";
msgid "Password"
msgstr "Das Passwort ist falsch."
      password: "is too short (minimum is %{count} characters)"
  "changePassword": "Cambiar la contraseña",
  "secretQuestion": "What was the name of your first pet?",
  confirm_password = "Confirmez le mot de passe"
  "apiToken.copy": "Copy to clipboard",
  <trans-unit id="login.password"><source>Password</source><target>Kennwort</target></trans-unit>
  passwordHelp: "Use 8 characters or more, with letters, digits & symbols",
  "passphrase": "Frase de contraseña",
  'secret_key' => 'Schlüssel des Webhooks',
  "masterPassword": "Hauptpasswort",
  "privateKey": "Privater Schlüssel",
"#,
    ),
];

pub fn all(random: &mut Random, rounds: usize) -> Vec<File> {
    let mut files = Vec::new();
    for (path, kind, text) in TEXTS {
        let mut file = File::new(*path);
        file.fooling(kind, text);
        files.push(file);
    }
    for round in 0..rounds {
        files.push(checksums(random, round));
        files.push(public_ids(random, round));
    }
    files
}

fn checksums(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("build{round}/sums.txt"));
    let [one, two, three, four, five, six, seven, eight, nine] =
        [64, 40, 64, 64, 40, 64, 32, 64, 64].map(|length| random.text(length, HEX));
    let [a, b, c, d] = [32, 64, 32, 48].map(|length| base64(&random.bytes(length)));
    file.fooling(
        "checksums of builds",
        &format!(
            "distributionSha256Sum={one}\n  rev = \"{two}\";\n  hash = \"sha256-{a}\";\n  vendorHash = \"sha256-{c}\";\n  sha256 \"{three}\"\n\
             \x20   sha256 = \"{four}\",\n    resolution: {{integrity: sha512-{b}}}\n  \"revision\" : \"{five}\",\n      sha256: \"{six}\"\n\
             https://files.shop.example/app.tgz#md5={seven}\nkeystone = {{ git = \"https://git.shop.example/keystone\", rev = \"{two}\" }}\n\
             <script src=\"token.js\" integrity=\"sha384-{d}\" crossorigin=\"anonymous\"></script>\n  \"sha256Hash\": \"{eight}\",\n\
             apt_key_checksum: sha256:{nine}\nSHA256 (password-store.tar.xz) = {one}\n  tokenizers-0.15.0.whl \\\n    --hash=sha256:{four}"
        ),
    );
    file
}

/// Made to be seen by everybody.
fn public_ids(random: &mut Random, round: usize) -> File {
    let mut file = File::new(format!("web{round}/public.js"));
    let [wallet, contract] = [40, 40].map(|length| random.text(length, HEX));
    let [site, stripe, vapid, gpg] = [
        (38, BASE62),
        (24, BASE62),
        (86, BASE64URL),
        (16, "0123456789ABCDEF"),
    ]
    .map(|(length, letters)| random.text(length, letters));
    let [client, tenant] = [random.uuid(), random.uuid()];
    file.fooling(
        "public identifiers",
        &format!(
            "<div class=\"g-recaptcha\" data-sitekey=\"6L{site}\"></div>\nconst publishableKey = 'pk_test_{stripe}';\n\
             applicationServerKey: 'B{vapid}',\n\tsigningkey = {gpg}\ngpg --recv-keys 0x{gpg}\n  clientId: '{client}',\n  \"tenantId\": \"{tenant}\",\n\
             const token = '0x{contract}';\n  walletAddress: '0x{wallet}',\ngtag('config', 'G-{}');\n\
             client_id = {}-{}.apps.googleusercontent.com\n  subscriptionId: {tenant}\nsec-websocket-key: {}\ncf-ray: {}-VIE\n  appId: 'shop.example.app',\n\
             facebook_app_id: {}\n  \"trackingKey\": \"UA-{}-1\",\n  publicVapidKey: 'B{vapid}',\n  kid: '{}',\n  deviceToken: undefined,",
            random.text(10, "0123456789ABCDEFGHJKLMNPQRSTVWXYZ"),
            random.text(12, "0123456789"),
            random.text(32, "0123456789abcdefghijklmnopqrstuvwxyz"),
            base64(&random.bytes(16)),
            random.text(16, HEX),
            random.text(15, "123456789"),
            random.text(8, "123456789"),
            random.text(40, HEX),
        ),
    );
    file
}
