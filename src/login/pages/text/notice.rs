use super::{Explanation, SentenceParts};

/// The texts of the notices, and of their links and buttons.
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct NoticeText {
    pub(crate) not_logged_in: Explanation,
    pub(crate) logged_out: Explanation,
    pub(crate) logout_failed: Explanation,
    pub(crate) return_refused: Explanation,
    /// Around the host, before the body of `return_refused`.
    pub(crate) return_refused_host: SentenceParts,
    pub(crate) insecure: Explanation,
    pub(crate) ticket_invalid: Explanation,
    pub(crate) session_not_kept: Explanation,
    /// Around the host, before the body of `session_not_kept`.
    pub(crate) session_not_kept_host: SentenceParts,
    pub(crate) vault_unavailable: Explanation,
    pub(crate) session_ended: Explanation,
    pub(crate) cross_site: Explanation,
    pub(crate) authorization: AuthorizationProblemText,
    pub(crate) log_in: &'static str,
    pub(crate) log_in_again: &'static str,
    pub(crate) log_out: &'static str,
    pub(crate) try_again: &'static str,
    pub(crate) open_again: &'static str,
    /// Before the host.
    pub(crate) open_https: &'static str,
    pub(crate) account: &'static str,
    /// Before the code of an error.
    pub(crate) code: &'static str,
    /// Before the request id.
    pub(crate) request_id: &'static str,
}

/// The texts of the reasons why a request for an authorization is refused.
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct AuthorizationProblemText {
    pub(crate) unknown_client: Explanation,
    pub(crate) client_unavailable: Explanation,
    pub(crate) too_many_requests: Explanation,
    pub(crate) redirect_refused: Explanation,
    pub(crate) invalid_request: Explanation,
    pub(crate) expired: Explanation,
}

pub(super) const ENGLISH: NoticeText = NoticeText {
    not_logged_in: Explanation {
        title: "You are not logged in",
        body: "This browser has no session at this address.",
    },
    logged_out: Explanation {
        title: "You are logged out",
        body: "Your session has ended at every application that you opened with it.",
    },
    logout_failed: Explanation {
        title: "You are not logged out yet",
        body: "Vault is not responding, so your session could not be ended. Try again in a moment. \
               Until then, do not leave this device to others.",
    },
    return_refused: Explanation {
        title: "The login cannot continue to this address",
        body: "If it should work, the administrator has to add the host to VALIDATOR_LOGIN_HOSTS. \
               The address has to start with https: it is not possible with http.",
    },
    return_refused_host: SentenceParts {
        before: "After a login you cannot continue to ",
        after: ".",
    },
    insecure: Explanation {
        title: "This connection is not secure",
        body: "A login is only possible with https. Open the same address with https.",
    },
    ticket_invalid: Explanation {
        title: "This login is no longer valid",
        body: "It was used before, or it is older than 30 seconds. Log in again.",
    },
    session_not_kept: Explanation {
        title: "Your browser does not keep the session",
        body: "Cookies may be blocked. Allow them for this address, then try again.",
    },
    session_not_kept_host: SentenceParts {
        before: "You logged in, but your browser does not send the session to ",
        after: ".",
    },
    vault_unavailable: Explanation {
        title: "Unavailable at the moment",
        body: "The service that checks accounts (Vault) is not responding. Try again in a moment.",
    },
    session_ended: Explanation {
        title: "Your session has ended",
        body: "Nothing was sent to the application. Open the page again, log in, and repeat what you \
               were doing.",
    },
    cross_site: Explanation {
        title: "The request came from another site",
        body: "For your security it was refused, and nothing was changed. Open this site yourself \
               and try again there.",
    },
    authorization: AuthorizationProblemText {
        unknown_client: Explanation {
            title: "This application is not known here",
            body: "Its client id (client_id) is not accepted. Remove the connection in the \
                   application and add it again. If that does not help, the administrator has to \
                   add the application.",
        },
        client_unavailable: Explanation {
            title: "The application could not be checked",
            body: "The document in which it describes itself, at the address that is its client id \
                   (client_id), could not be fetched or used. Try again in a moment. If the problem \
                   persists, tell the provider of the application.",
        },
        too_many_requests: Explanation {
            title: "Too many connections were started",
            body: "Somebody at your network has started to connect applications too often. Wait a \
                   minute, then start again in the application.",
        },
        redirect_refused: Explanation {
            title: "The application asked to continue at another address",
            body: "The address (redirect_uri) is not one of those that are known for this \
                   application. For your security nothing was sent to it. If you did not start this \
                   yourself, close this page. Otherwise tell the administrator.",
        },
        invalid_request: Explanation {
            title: "The application sent a request that is not valid",
            body: "A parameter is missing or malformed: for example, PKCE with S256 is required \
                   (code_challenge). Update the application and start again there. If that does not \
                   help, tell the administrator.",
        },
        expired: Explanation {
            title: "This request is no longer valid",
            body: "It took too long, or it was answered before. Go back to the application and \
                   start again there.",
        },
    },
    log_in: "Log in",
    log_in_again: "Log in again",
    log_out: "Log out",
    try_again: "Try again",
    open_again: "Open the page again",
    open_https: "Open with https: ",
    account: "See my session or log out",
    code: "Code:",
    request_id: "Request:",
};

pub(super) const SPANISH: NoticeText = NoticeText {
    not_logged_in: Explanation {
        title: "No has iniciado sesión",
        body: "Este navegador no tiene una sesión en esta dirección.",
    },
    logged_out: Explanation {
        title: "Cerraste la sesión",
        body: "Tu sesión terminó en todas las aplicaciones que abriste con ella.",
    },
    logout_failed: Explanation {
        title: "Tu sesión sigue abierta",
        body: "Vault no responde y no se pudo cerrar tu sesión. Inténtalo de nuevo en un momento. \
               Mientras tanto, no dejes este equipo en manos de otras personas.",
    },
    return_refused: Explanation {
        title: "No se puede continuar a esta dirección",
        body: "Si debería funcionar, el administrador tiene que agregar el host a \
               VALIDATOR_LOGIN_HOSTS. La dirección tiene que empezar con https: con http no es \
               posible.",
    },
    return_refused_host: SentenceParts {
        before: "Después de iniciar sesión no puedes continuar a ",
        after: ".",
    },
    insecure: Explanation {
        title: "Esta conexión no es segura",
        body: "Solo se puede iniciar sesión con https. Abre la misma dirección con https.",
    },
    ticket_invalid: Explanation {
        title: "Este inicio de sesión ya no es válido",
        body: "Ya se usó, o pasaron más de 30 segundos. Inicia sesión de nuevo.",
    },
    session_not_kept: Explanation {
        title: "Tu navegador no guarda la sesión",
        body: "Es posible que las cookies estén bloqueadas. Permítelas para esta dirección e \
               inténtalo de nuevo.",
    },
    session_not_kept_host: SentenceParts {
        before: "Iniciaste sesión, pero tu navegador no envía la sesión a ",
        after: ".",
    },
    vault_unavailable: Explanation {
        title: "No disponible por el momento",
        body: "El servicio que verifica las cuentas (Vault) no responde. Inténtalo de nuevo en un \
               momento.",
    },
    session_ended: Explanation {
        title: "Tu sesión terminó",
        body: "No se envió nada a la aplicación. Abre la página de nuevo, inicia sesión y repite lo \
               que estabas haciendo.",
    },
    cross_site: Explanation {
        title: "La solicitud vino de otro sitio",
        body: "Por tu seguridad fue rechazada y no se cambió nada. Abre tú este sitio e inténtalo \
               ahí.",
    },
    authorization: AuthorizationProblemText {
        unknown_client: Explanation {
            title: "Aquí no se conoce esta aplicación",
            body: "No se acepta su identificador de cliente (client_id). Elimina la conexión en la \
                   aplicación y agrégala de nuevo. Si no funciona, el administrador tiene que \
                   agregar la aplicación.",
        },
        client_unavailable: Explanation {
            title: "No se pudo verificar la aplicación",
            body: "No se pudo obtener o usar el documento en que ella se describe, en la dirección \
                   que es su identificador de cliente (client_id). Inténtalo de nuevo en un \
                   momento. Si el problema sigue, avísale al proveedor de la aplicación.",
        },
        too_many_requests: Explanation {
            title: "Se iniciaron demasiadas conexiones",
            body: "Alguien de tu red empezó a conectar aplicaciones demasiadas veces. Espera un \
                   minuto y empieza de nuevo en la aplicación.",
        },
        redirect_refused: Explanation {
            title: "La aplicación pidió continuar en otra dirección",
            body: "La dirección (redirect_uri) no es una de las que se conocen de esta aplicación. \
                   Por tu seguridad no se le envió nada. Si tú no iniciaste esto, cierra esta \
                   página. Si lo hiciste, avísale al administrador.",
        },
        invalid_request: Explanation {
            title: "La aplicación envió una solicitud no válida",
            body: "Falta un parámetro o está mal formado: por ejemplo, se exige PKCE con S256 \
                   (code_challenge). Actualiza la aplicación y empieza de nuevo en ella. Si no \
                   funciona, avísale al administrador.",
        },
        expired: Explanation {
            title: "Esta solicitud ya no es válida",
            body: "Tardó demasiado o ya se respondió antes. Vuelve a la aplicación y empieza de \
                   nuevo en ella.",
        },
    },
    log_in: "Iniciar sesión",
    log_in_again: "Iniciar sesión de nuevo",
    log_out: "Cerrar sesión",
    try_again: "Intentar de nuevo",
    open_again: "Abrir la página de nuevo",
    open_https: "Abrir con https: ",
    account: "Ver o cerrar mi sesión",
    code: "Código:",
    request_id: "Solicitud:",
};
