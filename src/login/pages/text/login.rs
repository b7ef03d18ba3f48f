use super::{Explanation, SentenceParts, TwoValueSentence};

/// The texts of the login form and of the form for codes.
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct LoginText {
    pub(crate) title: &'static str,
    /// Around the host of the application.
    pub(crate) application: SentenceParts,
    /// Around the client and the resource of an authorization.
    pub(crate) authorization: TwoValueSentence,
    pub(crate) account_type: &'static str,
    pub(crate) userpass: &'static str,
    pub(crate) ldap: &'static str,
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
    pub(crate) submit: &'static str,
    pub(crate) alternative: &'static str,
    /// Before the name of a provider.
    pub(crate) provider: &'static str,
    /// In place of the name of a provider.
    pub(crate) unnamed_provider: &'static str,
    pub(crate) code_title: &'static str,
    pub(crate) one_code_hint: &'static str,
    pub(crate) several_codes_hint: &'static str,
    pub(crate) code: &'static str,
    pub(crate) submit_code: &'static str,
    pub(crate) start_again: &'static str,
    pub(crate) wrong_credentials: Explanation,
    pub(crate) wrong_code: Explanation,
    /// Without the time to wait.
    pub(crate) too_many_attempts: &'static str,
    pub(crate) wait_one_minute: &'static str,
    /// Around the number of minutes.
    pub(crate) wait_minutes: SentenceParts,
    pub(crate) vault_unavailable: Explanation,
    pub(crate) expired: Explanation,
    pub(crate) cancelled: Explanation,
    pub(crate) not_usable: Explanation,
    pub(crate) cross_site: Explanation,
}

pub(super) const ENGLISH: LoginText = LoginText {
    title: "Log in",
    application: SentenceParts { before: "to continue to ", after: "" },
    authorization: TwoValueSentence { before: "to connect ", between: " with ", after: "" },
    account_type: "Account type",
    userpass: "local account",
    ldap: "directory account",
    name: "User name",
    password: "Password",
    submit: "Log in",
    alternative: "or",
    provider: "Continue with ",
    unnamed_provider: "single sign-on",
    code_title: "Enter your code",
    one_code_hint: "Open your authenticator app and enter the code that it shows.",
    several_codes_hint: "Your account needs several codes. Enter the current code of each of your \
                         authenticators.",
    code: "Code",
    submit_code: "Continue",
    start_again: "Start again",
    wrong_credentials: Explanation {
        title: "Wrong user name or password",
        body: "Check both and try again. After several failures, wait a few minutes.",
    },
    wrong_code: Explanation {
        title: "Wrong code",
        body: "Each code works once and for a short time. Wait for a new one and enter that. After \
               several failures, wait a few minutes.",
    },
    too_many_attempts: "Too many failed attempts",
    wait_one_minute: "Wait one minute, then try again.",
    wait_minutes: SentenceParts { before: "Wait ", after: " minutes, then try again." },
    vault_unavailable: Explanation {
        title: "Login is unavailable at the moment",
        body: "The service that checks accounts (Vault) is not responding. Try again in a moment.",
    },
    expired: Explanation {
        title: "This login is no longer valid",
        body: "It took too long, or it was completed before. Log in again.",
    },
    cancelled: Explanation {
        title: "Login cancelled",
        body: "You cancelled it, or the other service did not confirm who you are. You can try \
               again.",
    },
    not_usable: Explanation {
        title: "You cannot log in this way",
        body: "This login is not set up correctly. Please tell the administrator.",
    },
    cross_site: Explanation {
        title: "The form was sent from another page",
        body: "For your security it was not used. If you want to log in, do it here.",
    },
};

pub(super) const SPANISH: LoginText = LoginText {
    title: "Iniciar sesión",
    application: SentenceParts { before: "para continuar a ", after: "" },
    authorization: TwoValueSentence { before: "para conectar ", between: " con ", after: "" },
    account_type: "Tipo de cuenta",
    userpass: "cuenta local",
    ldap: "cuenta del directorio",
    name: "Nombre de usuario",
    password: "Contraseña",
    submit: "Iniciar sesión",
    alternative: "o",
    provider: "Continuar con ",
    unnamed_provider: "inicio de sesión único",
    code_title: "Ingresa tu código",
    one_code_hint: "Abre tu aplicación de autenticación e ingresa el código que muestra.",
    several_codes_hint: "Tu cuenta necesita varios códigos. Ingresa el código actual de cada uno de \
                         tus autenticadores.",
    code: "Código",
    submit_code: "Continuar",
    start_again: "Empezar de nuevo",
    wrong_credentials: Explanation {
        title: "Nombre de usuario o contraseña incorrectos",
        body: "Revisa ambos e inténtalo de nuevo. Después de varios intentos fallidos, espera unos \
               minutos.",
    },
    wrong_code: Explanation {
        title: "Código incorrecto",
        body: "Cada código sirve una sola vez y por poco tiempo. Espera uno nuevo e ingrésalo. \
               Después de varios intentos fallidos, espera unos minutos.",
    },
    too_many_attempts: "Demasiados intentos fallidos",
    wait_one_minute: "Espera un minuto e inténtalo de nuevo.",
    wait_minutes: SentenceParts { before: "Espera ", after: " minutos e inténtalo de nuevo." },
    vault_unavailable: Explanation {
        title: "Por el momento no se puede iniciar sesión",
        body: "El servicio que verifica las cuentas (Vault) no responde. Inténtalo de nuevo en un \
               momento.",
    },
    expired: Explanation {
        title: "Este inicio de sesión ya no es válido",
        body: "Tardó demasiado o ya se completó antes. Inicia sesión de nuevo.",
    },
    cancelled: Explanation {
        title: "Inicio de sesión cancelado",
        body: "Lo cancelaste, o el otro servicio no confirmó quién eres. Puedes intentarlo de nuevo.",
    },
    not_usable: Explanation {
        title: "No puedes iniciar sesión de esta forma",
        body: "Este inicio de sesión no está bien configurado. Por favor, avísale al administrador.",
    },
    cross_site: Explanation {
        title: "El formulario se envió desde otra página",
        body: "Por tu seguridad no se usó. Si quieres iniciar sesión, hazlo aquí.",
    },
};
