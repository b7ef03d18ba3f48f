//! A real nginx with the very configuration of `deploy/nginx/`.

use std::{fs, process::Command};

use super::{
    edge::{
        DOMAIN, Edge, Extra, LOGIN_HOST, MCP_HOST, MCP_RESOURCE, Place, REQUIREMENT, Recipe,
        replaced,
    },
    tools,
};

/// The configuration around the sites: the parts of a system's `nginx.conf` that matter here.
const AROUND: &str = "
daemon off;
master_process off;
pid DIR/pid;
error_log stderr info;
events {}
http {
	access_log off;
	client_body_temp_path DIR/body;
	proxy_temp_path DIR/proxy;
	fastcgi_temp_path DIR/fastcgi;
	scgi_temp_path DIR/scgi;
	uwsgi_temp_path DIR/uwsgi;
	include crm.conf;
	include mcp.conf;
}
";

/// Replacements in the sites that turn a part on.
const EXTRAS: [(Extra, &str, &str); 2] = [
    (Extra::Cors, "# include vault-auth/cors.conf", "include vault-auth/cors.conf"),
    (Extra::FrontProxy, "# set_real_ip_from 192.0.2.10", "set_real_ip_from 127.0.0.0/8"),
];

/// Replacements in the site of the MCP server.
const MCP_EXTRAS: [(Extra, &str, &str); 1] = [(Extra::McpTools, "acl=route/mcp", "mcp=route/mcp")];

/// The replacement in `vault-auth/cookie.conf` with which the cookie `vault` is not passed on.
const COOKIE: (&str, &str) =
    ("__Host-vault-(session|login)=", "(__Host-vault-(session|login)|vault)=");

/// Starts nginx.
///
/// # Panics
/// If it does not start.
pub async fn start(validator: &str, application: &str, recipe: Recipe<'_>) -> Edge {
    Edge::start("nginx", validator, application, recipe, command).await
}

fn command(place: &Place<'_>) -> Command {
    let dir = place.dir.path();
    let recipe = tools::repository("deploy/nginx");
    let site = fs::read_to_string(recipe.join("crm.conf.template")).expect("the recipe");
    let site = place.enable(&site, &EXTRAS);
    let listen = format!("127.0.0.1:{}", place.port);
    // Replaces variables as envsubst does.
    let site = replaced(
        &site,
        &[
            ("${AUTH_UPSTREAM}", place.validator),
            ("${LOGIN_UPSTREAM}", place.recipe.login),
            ("${LOGIN_HOST}", LOGIN_HOST),
            ("${CRM_LISTEN}", &listen),
            ("${CRM_DOMAIN}", DOMAIN),
            ("${CRM_UPSTREAM}", place.application),
            (REQUIREMENT, place.recipe.requirement),
        ],
    );
    fs::write(dir.join("crm.conf"), site).expect("the site");
    let site = fs::read_to_string(recipe.join("mcp.conf.template")).expect("the recipe");
    let site = replaced(
        &place.enable(&site, &MCP_EXTRAS),
        &[
            ("${MCP_LISTEN}", &listen),
            ("${MCP_HOST}", MCP_HOST),
            ("${MCP_RESOURCE}", MCP_RESOURCE),
            ("${MCP_UPSTREAM}", place.recipe.mcp),
        ],
    );
    fs::write(dir.join("mcp.conf"), site).expect("the site");
    fs::create_dir(dir.join("vault-auth")).expect("a folder");
    for entry in fs::read_dir(recipe.join("vault-auth")).expect("the recipe's folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        let mut text = fs::read_to_string(&path).expect("a part of the recipe");
        if name == "cookie.conf" && place.recipe.extra == Some(Extra::Cookie) {
            text = replaced(&text, &[COOKIE]);
        }
        fs::write(dir.join("vault-auth").join(name), text).expect("a copy");
    }
    let around = AROUND.replace("DIR", &dir.display().to_string());
    let config = dir.join("nginx.conf");
    fs::write(&config, around).expect("nginx.conf");
    let mut command = Command::new(tools::nginx());
    command.env_clear().arg("-e").arg("stderr").arg("-p").arg(dir).arg("-c").arg(config);
    command
}
