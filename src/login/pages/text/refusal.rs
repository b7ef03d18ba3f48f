use super::Explanation;

/// The explanations of the refusal codes.
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct RefusalText {
    credential_missing: Explanation,
    token_invalid: Explanation,
    credential_malformed: Explanation,
    credential_conflict: Explanation,
    policy_required: Explanation,
    tenant_mismatch: Explanation,
    acl_denied: Explanation,
    path_ambiguous: Explanation,
    address_not_allowed: Explanation,
    token_not_allowed: Explanation,
    cross_site: Explanation,
    too_many_failures: Explanation,
    vault_unavailable: Explanation,
    vault_sealed: Explanation,
    vault_throttled: Explanation,
    not_ready: Explanation,
    overloaded: Explanation,
    decision_log_unavailable: Explanation,
    requirement_invalid: Explanation,
    request_invalid: Explanation,
    internal_error: Explanation,
    other: Explanation,
}

impl RefusalText {
    /// Returns the explanation of a code, and a general one of a code that has none.
    pub(crate) fn explanation(&self, code: &str) -> Explanation {
        match code {
            "credential_missing" => self.credential_missing,
            "token_invalid" => self.token_invalid,
            "credential_malformed" => self.credential_malformed,
            "credential_conflict" => self.credential_conflict,
            "policy_required" => self.policy_required,
            "tenant_mismatch" => self.tenant_mismatch,
            "acl_denied" => self.acl_denied,
            "path_ambiguous" => self.path_ambiguous,
            "address_not_allowed" => self.address_not_allowed,
            "token_not_allowed" => self.token_not_allowed,
            "cross_site" => self.cross_site,
            "too_many_failures" => self.too_many_failures,
            "vault_unavailable" => self.vault_unavailable,
            "vault_sealed" => self.vault_sealed,
            "vault_throttled" => self.vault_throttled,
            "not_ready" => self.not_ready,
            "overloaded" => self.overloaded,
            "decision_log_unavailable" => self.decision_log_unavailable,
            "requirement_invalid" => self.requirement_invalid,
            "request_invalid" => self.request_invalid,
            "internal_error" => self.internal_error,
            _ => self.other,
        }
    }
}

pub(super) const ENGLISH: RefusalText = RefusalText {
    credential_missing: Explanation {
        title: "You are not logged in",
        body: "Only people who are logged in can open this page.",
    },
    token_invalid: Explanation {
        title: "Your session is not valid",
        body: "It has expired or was ended. Log in again.",
    },
    credential_malformed: Explanation {
        title: "Your session cannot be read",
        body: "Your browser sent a damaged session. Delete the cookies of this site, then log in \
               again.",
    },
    credential_conflict: Explanation {
        title: "There are two different sessions",
        body: "Your browser sent two sessions at once, and only one can apply. Log out or delete the \
               cookies of this site, then log in again.",
    },
    policy_required: Explanation {
        title: "You do not have access",
        body: "You are logged in, but your account lacks a permission for this page. If you need it, \
               ask the administrator.",
    },
    tenant_mismatch: Explanation {
        title: "This page belongs to another organization",
        body: "You are logged in, but your account does not belong to this organization. Check the \
               address, or log in with another account.",
    },
    acl_denied: Explanation {
        title: "You may not do this",
        body: "You are logged in, but your account does not allow this action on this page. If you \
               need it, ask the administrator.",
    },
    path_ambiguous: Explanation {
        title: "This address is not accepted",
        body: "It has parts that can be read in more than one way, such as two slashes in a row. \
               Open the page from within the application.",
    },
    address_not_allowed: Explanation {
        title: "You cannot log in from this network",
        body: "Your account may be used from certain networks only. Change to one of them, such as \
               your company's network or VPN.",
    },
    token_not_allowed: Explanation {
        title: "This kind of account is not accepted",
        body: "Your login is valid, but it is not one for people. Log in with another account, or \
               ask the administrator.",
    },
    cross_site: Explanation {
        title: "The request came from another site",
        body: "For your security it was not sent to the application, and nothing was changed. Open \
               the application itself and try again there.",
    },
    too_many_failures: Explanation {
        title: "Too many failed attempts",
        body: "Too many invalid sessions came from your network. Wait a few minutes, then try again.",
    },
    vault_unavailable: Explanation {
        title: "Unavailable at the moment",
        body: "Your session cannot be checked, because Vault is not responding. You are not logged \
               out. Try again in a moment.",
    },
    vault_sealed: Explanation {
        title: "Vault is sealed",
        body: "Your session cannot be checked until the administrator unseals Vault. You are not \
               logged out.",
    },
    vault_throttled: Explanation {
        title: "Vault is busy",
        body: "There are too many requests at once. You are not logged out. Try again in a moment.",
    },
    not_ready: Explanation {
        title: "The service is starting",
        body: "It will be ready soon. Try again in a moment.",
    },
    overloaded: Explanation {
        title: "The service is busy",
        body: "It has too much to do to check your session. You are not logged out. Try again in a \
               moment.",
    },
    decision_log_unavailable: Explanation {
        title: "Unavailable at the moment",
        body: "Nothing can be opened until the service can record it again. You are not logged out. \
               Please tell the administrator.",
    },
    requirement_invalid: Explanation {
        title: "This page is not set up correctly",
        body: "This is not your fault. Please tell the administrator.",
    },
    request_invalid: Explanation {
        title: "The request is not valid",
        body: "It cannot be processed. Open the page again from within the application.",
    },
    internal_error: Explanation {
        title: "Something went wrong",
        body: "There was an error on our side. Try again; if it happens again, please tell the \
               administrator.",
    },
    other: Explanation {
        title: "The request was refused",
        body: "If you think that this is a mistake, please tell the administrator.",
    },
};

pub(super) const SPANISH: RefusalText = RefusalText {
    credential_missing: Explanation {
        title: "No has iniciado sesión",
        body: "Solo quienes inician sesión pueden abrir esta página.",
    },
    token_invalid: Explanation {
        title: "Tu sesión no es válida",
        body: "Venció o fue cerrada. Inicia sesión de nuevo.",
    },
    credential_malformed: Explanation {
        title: "No se puede leer tu sesión",
        body: "Tu navegador envió una sesión dañada. Borra las cookies de este sitio e inicia sesión \
               de nuevo.",
    },
    credential_conflict: Explanation {
        title: "Hay dos sesiones distintas",
        body: "Tu navegador envió dos sesiones a la vez y solo puede valer una. Cierra la sesión o \
               borra las cookies de este sitio, y luego inicia sesión de nuevo.",
    },
    policy_required: Explanation {
        title: "No tienes acceso",
        body: "Iniciaste sesión, pero a tu cuenta le falta un permiso para esta página. Si lo \
               necesitas, pídeselo al administrador.",
    },
    tenant_mismatch: Explanation {
        title: "Esta página es de otra organización",
        body: "Iniciaste sesión, pero tu cuenta no pertenece a esta organización. Revisa la \
               dirección o inicia sesión con otra cuenta.",
    },
    acl_denied: Explanation {
        title: "No puedes hacer esto",
        body: "Iniciaste sesión, pero tu cuenta no permite esta acción en esta página. Si la \
               necesitas, pide acceso al administrador.",
    },
    path_ambiguous: Explanation {
        title: "Esta dirección no se acepta",
        body: "Tiene partes que se pueden leer de más de una manera, como dos barras seguidas. Abre \
               la página desde la aplicación.",
    },
    address_not_allowed: Explanation {
        title: "No puedes iniciar sesión desde esta red",
        body: "Tu cuenta solo se puede usar desde ciertas redes. Cámbiate a una de ellas, como la \
               red o la VPN de tu empresa.",
    },
    token_not_allowed: Explanation {
        title: "No se acepta este tipo de cuenta",
        body: "Tu inicio de sesión es válido, pero no es para personas. Usa otra cuenta o pregúntale \
               al administrador.",
    },
    cross_site: Explanation {
        title: "La solicitud vino de otro sitio",
        body: "Por tu seguridad no se envió a la aplicación y no se cambió nada. Abre la aplicación \
               misma e inténtalo ahí.",
    },
    too_many_failures: Explanation {
        title: "Demasiados intentos fallidos",
        body: "Desde tu red llegaron demasiadas sesiones no válidas. Espera unos minutos e inténtalo \
               de nuevo.",
    },
    vault_unavailable: Explanation {
        title: "No disponible por el momento",
        body: "No se puede verificar tu sesión, porque Vault no responde. Tu sesión sigue abierta. \
               Inténtalo de nuevo en un momento.",
    },
    vault_sealed: Explanation {
        title: "Vault está sellado",
        body: "No se puede verificar tu sesión hasta que el administrador lo desbloquee. Tu sesión \
               sigue abierta.",
    },
    vault_throttled: Explanation {
        title: "Vault está ocupado",
        body: "Hay demasiadas solicitudes a la vez. Tu sesión sigue abierta. Inténtalo de nuevo en \
               un momento.",
    },
    not_ready: Explanation {
        title: "El servicio está partiendo",
        body: "Estará listo pronto. Inténtalo de nuevo en un momento.",
    },
    overloaded: Explanation {
        title: "El servicio está ocupado",
        body: "Tiene demasiado trabajo para verificar tu sesión. Tu sesión sigue abierta. Inténtalo \
               de nuevo en un momento.",
    },
    decision_log_unavailable: Explanation {
        title: "No disponible por el momento",
        body: "No se puede abrir nada hasta que el servicio pueda registrarlo de nuevo. Tu sesión sigue \
               abierta. Por favor, avísale al administrador.",
    },
    requirement_invalid: Explanation {
        title: "Esta página no está bien configurada",
        body: "No es culpa tuya. Por favor, avísale al administrador.",
    },
    request_invalid: Explanation {
        title: "La solicitud no es válida",
        body: "No se puede procesar. Abre la página de nuevo desde la aplicación.",
    },
    internal_error: Explanation {
        title: "Algo salió mal",
        body: "Hubo un error de nuestro lado. Inténtalo de nuevo; si se repite, por favor avísale al \
               administrador.",
    },
    other: Explanation {
        title: "La solicitud fue rechazada",
        body: "Si crees que es un error, por favor avísale al administrador.",
    },
};
