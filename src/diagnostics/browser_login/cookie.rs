use http::{HeaderMap, header::SET_COOKIE};

use crate::login::{BrowserId, LOGIN_COOKIE};

/// The attributes that the login cookie has, in lower case, in the order of the alphabet.
const ATTRIBUTES: [&str; 4] = ["httponly", "path=/", "samesite=lax", "secure"];

/// Returns the login cookie of a response as `NAME=VALUE`.
///
/// # Errors
/// Returns what is wrong with it.
pub(super) fn read(headers: &HeaderMap) -> Result<String, String> {
    let cookies = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies: Vec<&str> = cookies.filter(|cookie| cookie.contains("vault-login")).collect();
    let [cookie] = cookies.as_slice() else {
        return Err(match cookies.len() {
            0 => "no login cookie is set".to_owned(),
            count => format!("{count} login cookies are set"),
        });
    };
    let mut parts = cookie.split(';').map(str::trim);
    let pair = parts.next().unwrap_or_default();
    let value = pair.strip_prefix(LOGIN_COOKIE).and_then(|rest| rest.strip_prefix('='));
    let Some(value) = value else {
        return Err(format!("the cookie is not named {LOGIN_COOKIE}"));
    };
    if BrowserId::parse(value.as_bytes()).is_none() {
        return Err("the value of the login cookie was changed".to_owned());
    }
    let mut attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
    attributes.sort();
    if attributes != ATTRIBUTES {
        return Err(format!(
            "the login cookie has the attributes {}, not {}",
            attributes.join(", "),
            ATTRIBUTES.join(", ")
        ));
    }
    Ok(pair.to_owned())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header::SET_COOKIE};

    use super::read;
    use crate::login::BrowserId;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let value = |cookie: &&str| (SET_COOKIE, HeaderValue::from_str(cookie).expect("a cookie"));
        cookies.iter().map(value).collect()
    }

    #[test]
    fn changed_login_cookie_is_reported() {
        let cookie = BrowserId::random().set_cookie();
        let pair = read(&headers(&["a=b; Path=/x", &cookie])).expect("a cookie");
        assert!(cookie.starts_with(&format!("{pair}; ")));
        let reordered = format!("{pair}; samesite=Lax; HttpOnly; secure; path=/");
        assert_eq!(read(&headers(&[&reordered])), Ok(pair));
        for (cookies, problem) in [
            (vec![], "no login cookie is set"),
            (vec![cookie.clone(), cookie.clone()], "2 login cookies are set"),
            (vec![cookie.replace("__Host-", "")], "is not named __Host-vault-login"),
            (vec![cookie.replace("=/;", "=/app;")], "has the attributes httponly, path=/app"),
            (vec![cookie.replace("; Secure", "")], "has the attributes httponly, path=/, samesite"),
            (vec![format!("{cookie}; Domain=example.com")], "domain=example.com, httponly"),
            (
                vec![cookie.replace("login=", "login=x")],
                "the value of the login cookie was changed",
            ),
        ] {
            let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
            let found = read(&headers(&cookies)).expect_err("a problem");
            assert!(found.contains(problem), "{found}");
        }
    }
}
