"""Who may do what: roles, who has them on what, and what was refused."""
