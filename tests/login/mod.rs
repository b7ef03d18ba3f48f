//! Logins of people in a browser.

mod vault;
