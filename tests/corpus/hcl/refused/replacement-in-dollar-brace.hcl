path "${�}" {}
