-- How the password of a link is checked: a slow salted hash with its parameters, never the password. It is set exactly when
-- password_protected is; the previous version knows neither and never sets them.
ALTER TABLE links.links ADD COLUMN password_verifier text;
