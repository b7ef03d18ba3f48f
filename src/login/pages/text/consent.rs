use super::{Explanation, SentenceParts, TwoValueSentence};

/// The texts of the consent page.
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct ConsentText {
    pub(crate) title: &'static str,
    /// Around the client and the resource.
    pub(crate) request: TwoValueSentence,
    /// In place of a client of which nothing is verified.
    pub(crate) unverified_client: &'static str,
    pub(crate) this_computer: Explanation,
    pub(crate) unverified_on_website: Explanation,
    pub(crate) unverified_on_this_computer: Explanation,
    pub(crate) client: &'static str,
    /// Below the host, for a client without a name.
    pub(crate) document: &'static str,
    /// Below the host, around the name.
    pub(crate) document_name: SentenceParts,
    /// Below the id, for a client without a name.
    pub(crate) configured: &'static str,
    /// Below the name, around the id.
    pub(crate) configured_id: SentenceParts,
    /// Around the name of a client of which nothing is verified.
    pub(crate) registered_name: SentenceParts,
    pub(crate) registered_without_name: &'static str,
    pub(crate) redirect: &'static str,
    pub(crate) redirect_website: &'static str,
    pub(crate) redirect_this_computer: &'static str,
    pub(crate) rights: &'static str,
    /// Around the resource and the subject.
    pub(crate) call: TwoValueSentence,
    /// Before the URI of the resource.
    pub(crate) resource: &'static str,
    /// Before the tenant.
    pub(crate) tenant: &'static str,
    /// Around the number of the policies that are not shown at first.
    pub(crate) more_policies: SentenceParts,
    pub(crate) duration_title: &'static str,
    pub(crate) duration: &'static str,
    pub(crate) password: &'static str,
    pub(crate) allow: &'static str,
    pub(crate) deny: &'static str,
}

pub(super) const ENGLISH: ConsentText = ConsentText {
    title: "Allow access?",
    request: TwoValueSentence { before: "", between: " wants to use ", after: " on your behalf." },
    unverified_client: "An unverified application",
    this_computer: Explanation {
        title: "Did you start this yourself?",
        body: "Continue only if you have just started this from a program on this computer.",
    },
    unverified_on_website: Explanation {
        title: "Nothing about this application is verified",
        body: "It registered itself and chose its own name. Continue only if you have just started \
               this yourself and know the website that the access goes to.",
    },
    unverified_on_this_computer: Explanation {
        title: "Nothing about this application is verified",
        body: "It registered itself and chose its own name. Continue only if you have just started \
               this from a program on this computer.",
    },
    client: "Who asks",
    document: "This website vouches for the application.",
    document_name: SentenceParts {
        before: "This website vouches for the application. It calls itself ",
        after: ".",
    },
    configured: "Set up by the administrator.",
    configured_id: SentenceParts { before: "Set up by the administrator as ", after: "." },
    registered_name: SentenceParts { before: "An application that calls itself ", after: "." },
    registered_without_name: "An application without a name.",
    redirect: "Where the access goes",
    redirect_website: "The website to which you return.",
    redirect_this_computer: "A program on this computer",
    rights: "What it will be able to do",
    call: TwoValueSentence {
        before: "Call ",
        between: " as ",
        after: ", as far as Vault's policies allow.",
    },
    resource: "Address: ",
    tenant: "Organization (tenant): ",
    more_policies: SentenceParts { before: "", after: " more policies" },
    duration_title: "For how long",
    duration: "Until the administrator revokes it, or the login expires.",
    password: "It never gets your password.",
    allow: "Allow",
    deny: "Deny",
};

pub(super) const SPANISH: ConsentText = ConsentText {
    title: "¿Permitir el acceso?",
    request: TwoValueSentence { before: "", between: " quiere usar ", after: " en tu nombre." },
    unverified_client: "Una aplicación no verificada",
    this_computer: Explanation {
        title: "¿Iniciaste esto tú?",
        body: "Continúa solo si acabas de iniciar esto desde un programa en este computador.",
    },
    unverified_on_website: Explanation {
        title: "Nada de esta aplicación está verificado",
        body: "Se registró sola y eligió su propio nombre. Continúa solo si acabas de iniciar esto \
               tú y conoces el sitio web que recibe el acceso.",
    },
    unverified_on_this_computer: Explanation {
        title: "Nada de esta aplicación está verificado",
        body: "Se registró sola y eligió su propio nombre. Continúa solo si acabas de iniciar esto \
               desde un programa en este computador.",
    },
    client: "Quién lo pide",
    document: "Este sitio web responde por la aplicación.",
    document_name: SentenceParts {
        before: "Este sitio web responde por la aplicación, que dice llamarse ",
        after: ".",
    },
    configured: "Configurada por el administrador.",
    configured_id: SentenceParts { before: "Configurada por el administrador como ", after: "." },
    registered_name: SentenceParts { before: "Una aplicación que dice llamarse ", after: "." },
    registered_without_name: "Una aplicación sin nombre.",
    redirect: "Quién recibe el acceso",
    redirect_website: "El sitio web al que vuelves.",
    redirect_this_computer: "Un programa en este computador",
    rights: "Qué podrá hacer",
    call: TwoValueSentence {
        before: "Llamar a ",
        between: " como ",
        after: ", hasta donde lo permitan las políticas de Vault.",
    },
    resource: "Dirección: ",
    tenant: "Organización (tenant): ",
    more_policies: SentenceParts { before: "", after: " políticas más" },
    duration_title: "Por cuánto tiempo",
    duration: "Hasta que el administrador lo revoque, o venza el inicio de sesión.",
    password: "Nunca recibe tu contraseña.",
    allow: "Permitir",
    deny: "No permitir",
};
