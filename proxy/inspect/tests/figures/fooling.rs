//! What stands where a secret would and is none: placeholders, references, code, words, types.

use crate::corpus::File;
use crate::random::Random;
use crate::syntaxes;
use crate::values::{KEY_NAMES, PASSWORD_NAMES, fill};

const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "CHANGE_ME",
    "your-api-key-here",
    "<password>",
    "<your-token>",
    "xxxxxxxxxxxxxxxx",
    "********",
    "REPLACE_ME",
    "TODO",
    "example",
    "secret",
    "password",
    "insert_token_here",
    "YOUR_SECRET_KEY",
    "dummy",
    "none",
    "null",
    "redacted",
    "[REDACTED]",
    "...",
    "XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX",
    "to-be-filled",
    "enter_your_password",
    "fake-token",
    "my-secret-password",
    "sample_api_key",
    "notarealkey",
    "abc123",
    "12345678",
    "00000000000000000000000000000000",
    "your_client_secret",
    "placeholder-value",
    "FIXME",
    "test",
    "s3cr3t-goes-here",
    "{your_api_key}",
    "PUT-YOUR-KEY-HERE",
    "not-used",
    "undefined",
    "aaaaaaaaaaaaaaaaaaaaaaaa",
    "0123456789abcdef0123456789abcdef",
    "abcdefghijklmnopqrstuvwxyz",
];

const REFERENCES: &[&str] = &[
    "${DB_PASSWORD}",
    "$DB_PASSWORD",
    "{{ .Values.db.password }}",
    "{{ db_password }}",
    "%(db_password)s",
    "#{db_password}",
    "<%= ENV['DB_PASSWORD'] %>",
    "${{ secrets.DEPLOY_TOKEN }}",
    "!Ref DbPassword",
    "vault:secret/data/shop#password",
    "ssm:///shop/production/db",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db-AbCdEf",
    "op://infra/database/password",
    "file:///run/secrets/db",
    "/run/secrets/db_password",
    "${env:API_TOKEN}",
    "projects/shop-prod/secrets/db/versions/latest",
    "@Microsoft.KeyVault(SecretUri=https://shop.vault.azure.net/secrets/db)",
    "$(cat /run/secrets/token)",
    "`cat token.txt`",
    "%DB_PASSWORD%",
    "@@DB_PASSWORD@@",
    "__API_KEY__",
    "$[API_KEY]",
    "{{resolve:secretsmanager:shop/db:SecretString:password}}",
    "${var.db_password}",
    "${random_password.db.result}",
    "secretref:api-key",
    "env://API_TOKEN",
    "ENV[API_KEY]",
    "((db-password))",
    "${API_KEY:?must be set}",
    "$API_KEY",
    "{{ lookup('env', 'TOKEN') }}",
    "{{ vault_db_password }}",
    "data.aws_ssm_parameter.db.value",
];

/// What stands where a secret would, in the syntaxes in which secrets are written.
pub fn named(random: &mut Random, rounds: usize) -> Vec<File> {
    let mut files = Vec::new();
    for round in 0..rounds {
        for (number, syntax) in syntaxes::ALL.iter().enumerate() {
            let mut file = File::new(format!(
                "templates{round}/{}/settings{number}.txt",
                syntax.name
            ));
            for form in syntax.forms {
                for (kind, values) in [("placeholder", PLACEHOLDERS), ("reference", REFERENCES)] {
                    let names = if random.below(2) == 0 {
                        PASSWORD_NAMES
                    } else {
                        KEY_NAMES
                    };
                    let value = random.one(values);
                    // A text within a text would end it.
                    if value.contains(['\'', '"', '`']) && form.contains(['\'', '"', '`']) {
                        continue;
                    }
                    file.fooling(kind, &fill(form, random.one(names), value));
                }
            }
            files.push(file);
        }
    }
    files
}

/// Code that handles secrets, by the file it stands in.
const CODE: &[(&str, &str)] = &[
    (
        "accounts/views.py",
        r#"password = getpass.getpass()
password = request.form["password"]
api_key = os.environ["API_KEY"]
token = serializer.dumps({"id": user.id})
if password != confirm_password:
def set_password(self, password: str) -> None:
hashed_password = bcrypt.hashpw(password.encode(), bcrypt.gensalt())
secret = secrets.token_hex(32)
token = jwt.encode(payload, settings.SECRET_KEY, algorithm="HS256")
access_token = response.json()["access_token"]
client = Client(api_key=api_key, password=password)
password = config.get("database", "password")
SECRET_KEY = env("DJANGO_SECRET_KEY")
refresh_token = RefreshToken.for_user(user)
user.password = make_password(validated_data["password"])
password_field = driver.find_element(By.ID, "password")
parser.add_argument("--password", help="password of the account", required=True)
raise ValueError("password must not be empty")
token_generator = PasswordResetTokenGenerator()
api_key: Optional[str] = None
password = input("Password: ")
logger.info("token for %s expired", username)
session["csrf_token"] = generate_csrf_token()
key = f"{prefix}:{user_id}:{name}"
secret_name = "prod/shop/database"
"#,
    ),
    (
        "src/login.js",
        r#"const password = req.body.password;
const token = jwt.sign({ id: user._id }, process.env.JWT_SECRET, { expiresIn: '7d' });
const { access_token: accessToken } = await response.json();
if (!password || password.length < 8) {
const apiKey = config.get('payment.apiKey');
let token = localStorage.getItem('access_token');
const [password, setPassword] = useState('');
headers: { Authorization: `Bearer ${token}` },
const secret = crypto.randomBytes(32).toString('hex');
onChange={(event) => setPassword(event.target.value)}
<input type="password" name="password" placeholder="Enter your password" autocomplete="current-password" />
const passwordInput = document.querySelector('#password');
app.use(session({ secret: process.env.SESSION_SECRET, resave: false }));
const isPasswordValid = await bcrypt.compare(password, user.password);
export const RESET_PASSWORD = 'auth/RESET_PASSWORD';
const tokenKey = 'shop.auth.token';
axios.defaults.headers.common['X-CSRF-TOKEN'] = token.content;
password: Joi.string().min(8).max(64).required(),
const { data: { token } } = await login(user, password);
import { resetPassword, changePassword } from './password-service';
router.post('/forgot-password', forgotPassword);
const authToken = req.headers['x-auth-token'];
"#,
    ),
    (
        "src/types.ts",
        r#"  password: string;
  token?: string | null;
  readonly apiKey: ApiKey;
  secret: Buffer | undefined;
  accessToken: Promise<string>;
export type Token = { kind: TokenKind; value: string };
export interface PasswordResetRequest { token: string; password: string }
  password = new FormControl('', [Validators.required, Validators.minLength(8)]);
  private token: BehaviorSubject<string | null> = new BehaviorSubject(null);
enum TokenType { Access = 'access_token', Refresh = 'refresh_token' }
  @IsString() @MinLength(8) password: string;
  constructor(private readonly tokenService: TokenService) {}
const SECRET_NAME: string = 'shop-database-credentials';
"#,
    ),
    (
        "src/main/java/shop/Login.java",
        r#"    @NotBlank private String password;
        String token = tokenProvider.createToken(authentication);
        String password = System.getenv("DB_PASSWORD");
        user.setPassword(passwordEncoder.encode(request.getPassword()));
        char[] password = console.readPassword("Password: ");
    private static final String PASSWORD_PARAMETER = "password";
    private static final String TOKEN_PREFIX = "Bearer ";
        throw new BadCredentialsException("Invalid username or password");
        props.put("password", config.getString("db.password"));
    @Value("${shop.jwt.secret}")
        SecretKey key = Keys.hmacShaKeyFor(Decoders.BASE64.decode(secret));
        builder.withPassword(password);
    public void setApiKey(String apiKey) { this.apiKey = apiKey; }
        String header = request.getHeader("X-Auth-Token");
    @Column(name = "password_hash", length = 60)
        SecretKeySpec keySpec = new SecretKeySpec(key, "HmacSHA256");
"#,
    ),
    (
        "internal/auth/auth.go",
        r#"	Password string `json:"password" validate:"required,min=8"`
	token, err := jwt.Parse(raw, func(token *jwt.Token) (interface{}, error) {
	password := os.Getenv("DB_PASSWORD")
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if apiKey := r.Header.Get("X-Api-Key"); apiKey == "" {
	return errors.New("auth: token has expired")
	flag.StringVar(&password, "password", "", "password of the database user")
var ErrInvalidToken = errors.New("invalid token")
	secret, err := client.CoreV1().Secrets(namespace).Get(ctx, "shop-credentials", metav1.GetOptions{})
	passwordKey = "database-password"
	token := strings.TrimPrefix(header, "Bearer ")
	SecretRef: corev1.LocalObjectReference{Name: "registry-credentials"},
	accessToken := session.Values["access_token"].(string)
	key := fmt.Sprintf("session:%s:%d", userID, version)
"#,
    ),
    (
        "Shop/Login.cs",
        r#"        public string Password { get; set; }
            var token = await _tokenService.CreateTokenAsync(user);
            var password = Configuration["Database:Password"];
            [DataType(DataType.Password)]
            options.Password.RequireDigit = true;
            if (string.IsNullOrEmpty(password)) throw new ArgumentNullException(nameof(password));
            CancellationToken cancellationToken = default
            var key = new SymmetricSecurityKey(Encoding.UTF8.GetBytes(_settings.Secret));
            string connectionString = Configuration.GetConnectionString("DefaultConnection");
            public const string PasswordClaimType = "http://schemas.shop.example/claims/password";
            ModelState.AddModelError("Password", "The password is incorrect.");
"#,
    ),
    (
        "app/Login.php",
        r#"$password = $_POST['password'];
$user->password = Hash::make($request->password);
'password' => 'required|string|min:8|confirmed',
'token' => csrf_token(),
define('DB_PASSWORD', getenv('DB_PASSWORD'));
'key' => env('APP_KEY'),
protected $hidden = ['password', 'remember_token'];
if (!password_verify($password, $row['password'])) {
$table->string('password');
public function resetPassword(string $token): Response
'password' => env('DB_PASSWORD', ''),
'passwords' => 'users',
'secret' => env('AWS_SECRET_ACCESS_KEY'),
"#,
    ),
    (
        "app/models/user.rb",
        r#"  has_secure_password
  password = params[:user][:password]
  validates :password, presence: true, length: { minimum: 8 }
  token = SecureRandom.urlsafe_base64
  config.secret_key = ENV['DEVISE_SECRET_KEY']
  filter_parameters += [:password, :token, :secret]
  api_key: Rails.application.credentials.dig(:mail, :api_key),
  attr_accessor :remember_token, :activation_token
  t.string :encrypted_password, null: false, default: ""
  redirect_to login_path, alert: 'Invalid password or email'
"#,
    ),
    (
        "src/login.rs",
        r#"    pub password: Option<String>,
    let token = request.headers().get("authorization");
    let password = std::env::var("DB_PASSWORD").expect("DB_PASSWORD must be set");
    let secret = EncodingKey::from_secret(settings.jwt_secret.as_bytes());
    #[arg(long, env = "API_TOKEN", hide_env_values = true)]
    Token::Ident(name) => self.parse_call(name),
    let key = format!("{}:{}", tenant, id);
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
    const PASSWORD_FILE: &str = "/run/secrets/database-password";
    return Err(Error::WrongPassword { attempts: 3 });
    static TOKEN_HEADER: HeaderName = HeaderName::from_static("x-auth-token");
"#,
    ),
    (
        "src/Login.kt",
        r#"    val password: String?,
    val token = preferences.getString("token", null)
    private val apiKey = BuildConfig.API_KEY
    var password by mutableStateOf("")
    val secret = System.getenv("WEBHOOK_SECRET") ?: error("WEBHOOK_SECRET is missing")
    fun onPasswordChanged(password: String) = _state.update { it.copy(password = password) }
    const val KEY_ACCESS_TOKEN = "key_access_token"
    const val PASSWORD_RESET_ROUTE = "password_reset/{token}"
"#,
    ),
    (
        "scripts/setup.sh",
        r#"read -r -s -p "Password: " password
PASSWORD=$(openssl rand -base64 24)
TOKEN="$(curl -s "$URL/token" | jq -r .access_token)"
export API_KEY="${API_KEY:?}"
mysql -u root -p"$MYSQL_ROOT_PASSWORD" shop
curl -H "Authorization: Bearer $TOKEN" "$URL"
docker login -u "$USER" --password-stdin < ~/.token
PASSWORD_FILE=/run/secrets/db_password
kubectl create secret generic shop --from-literal=password="$PASSWORD"
if [ -z "$API_TOKEN" ]; then echo "API_TOKEN is not set" >&2; exit 1; fi
SECRET_KEY=`head -c 32 /dev/urandom | base64`
curl -u "$USER:$PASSWORD" "$URL"
gpg --batch --passphrase-file pass.txt -d a.gpg
"#,
    ),
    (
        "migrations/001.sql",
        r#"CREATE TABLE account (id serial, password VARCHAR(255) NOT NULL, token TEXT);
ALTER TABLE account ADD COLUMN password_hash CHAR(60) DEFAULT NULL;
CREATE USER app WITH PASSWORD :'app_password';
UPDATE account SET password = crypt(new_password, gen_salt('bf'));
SELECT token, secret FROM api_key WHERE key = $1;
CREATE INDEX idx_reset_token ON account (reset_password_token);
PRIMARY KEY (id), UNIQUE KEY token_unique (token), FOREIGN KEY (owner) REFERENCES person (id)
INSERT INTO permission (key, name) VALUES ('password.reset', 'Reset the passwords of others');
"#,
    ),
    (
        "api/schema.graphql",
        r#"  password: String!
  login(email: String!, password: String!): Token
  token: String @deprecated(reason: "use the session")
  string password = 3;
  optional string access_token = 4;
  "password": {"type": "string", "format": "password", "minLength": 8},
  api_key: {type: apiKey, name: X-Api-Key, in: header}
  tokenUrl: https://id.shop.example/oauth/token
"#,
    ),
    (
        "src/checks.py",
        r#"PASSWORD_PATTERN = re.compile(r"^(?=.*[A-Z])(?=.*\d)[A-Za-z\d@$!%*?&]{8,64}$")
token_regex = r"gh[pousr]_[A-Za-z0-9_]{36,255}"
API_KEY_RE = re.compile("[0-9a-f]{32}")
secret_pattern: '(?i)(password|passwd|pwd)\s*[:=]\s*\S+'
password = re.sub(r"[^\w]", "", raw)
"key": "^[a-zA-Z0-9_-]{1,64}$"
"#,
    ),
];

/// Settings that speak of secrets.
const ABOUT: &str = r#"password_min_length = 12
token_expiry: 3600
PASSWORD_RESET_TIMEOUT=259200
secretName: shop-db-credentials
existingSecret: shop-postgresql-auth
tokenUrl: https://id.shop.example/oauth2/token
ssl_key_file=/etc/ssl/private/server.key
password_file: /run/secrets/db_password
api_key_header: X-Api-Key
token_type: bearer
passwordPolicy: strong
max_tokens: 4096
tokenizer: cl100k_base
keyboard_layout=de-latin1
monkey: george
author: Jane Doe
token_endpoint_auth_method: client_secret_basic
passwordSecretKey: postgres-password
auth_token_lifetime = "30 days"
secret_store: aws-secrets-manager
key_algorithm: ECDSA_P256
passwordEncoder: argon2
sort_key = "created_at#status"
hash_key = "customer_id"
access_key_rotation: enabled
publicKeyRetrieval=true
allowPublicKeyRetrieval=true
token-bucket-size: 500
credentials: same-origin
private_key_path = "~/.ssh/id_ed25519"
password_encryption = scram-sha-256
key: shop.orders.created.v2
secret_version: 4
idempotency_key: order-2024-000123
primary_key: order_id
cache_key: orders-index-page-v3
keywords: shopping, orders, password manager
csrf_token_name = "csrfmiddlewaretoken"
passwd: files systemd
kms_key_id: alias/shop-production
sshKeyName: shop-deploy-2024
recaptcha_site_key_enabled: true
bypass: [lint, docs]
compass: north-east
"#;

/// Words for people, of several languages.
const WORDS: &str = r#"  "password": "Enter your password",
  "password": "Passwort",
  "password": "Mot de passe oublié ?",
  "forgot_password": "Forgot your password?",
  "passwordConfirmation": "Repeat the new password",
  "password_too_short": "Password must have at least 8 characters",
  "secret": "Geheimnis",
  "token": "Jeton d'accès",
  "invalidToken": "The token is invalid or has expired.",
  'password_hint' => 'At least one digit and one symbol',
  password: Contraseña
  current_password: Huidig wachtwoord
  api_key: "API-Schlüssel"
  access_token: Zugriffstoken
  new_password: "Neues Kennwort"
  password_updated: 'Password updated successfully'
  passwordLabel: 'Senha atual',
  label.password=Heslo
  error.password.mismatch=Passwords do not match
  login.password.placeholder=Your password
  "apiKeyHelp": "You find the key in the settings of your account",
  <string name="password">Password</string>
  <string name="reset_password">Wachtwoord herstellen</string>
  <label for="password">Password:</label>
  placeholder="Password (min. 8)"
  msgid "Enter the API key"
  title: 'Change password',
  "key": "settings.profile.password.title",
  "passwordStrength": "weak, fair or strong",
  tooltip: "Secret key of the webhook"
"#;

const PROSE: &str = r#"The password is never stored; only its hash is kept in the account table.
Pass the token in the `Authorization` header: `Authorization: Bearer <token>`.
    Authorization: Basic base64(user:password)
Set `API_KEY` to the key that you find at https://shop.example/settings/keys.
 * @param password the password of the user, at least eight characters
 * @param {string} token - the access token to verify
// password: see the wiki page "rotating credentials"
# The secret is mounted at /etc/shop/secret by the operator.
"""Returns a token for the user, or None if the password is wrong."""
If you forgot your password, click "Forgot password".
curl -H "Authorization: Bearer YOUR_ACCESS_TOKEN" https://api.shop.example/v1/orders
curl -u username:password https://api.shop.example/
* Token: a word, number or sign that the lexer has read.
- Keyboard shortcuts: Ctrl+K opens the search, Ctrl+Shift+P the palette.
The secret of good coffee: fresh beans and water at 93 degrees.
mysql://user:password@localhost:3306/database
postgres://<user>:<password>@<host>/<database>
https://user:pass@example.com/path
Use `--password-stdin` rather than `--password`, which other processes can see.
password := "the" words between quotes in the grammar of the password field
| `token` | string | yes | The token of the device |
| `clientSecret` | The secret of your application, see *Credentials* |
"#;

pub fn texts() -> Vec<File> {
    let mut files = Vec::new();
    for (path, text) in CODE {
        let mut file = File::new(*path);
        file.fooling("code and types", text);
        files.push(file);
    }
    for (path, kind, text) in [
        ("config/about.yaml", "settings about secrets", ABOUT),
        ("i18n/messages.txt", "words for people", WORDS),
        ("docs/guide.md", "prose and documentation", PROSE),
    ] {
        let mut file = File::new(path);
        file.fooling(kind, text);
        files.push(file);
    }
    files
}
