path "}}" {}
