package templates

// Apps are the authenticator apps that the set-up page names. Any other TOTP app works too.
var Apps = []App{
	store("Google Authenticator", "com.google.android.apps.authenticator2", "388497605"),
	store("Microsoft Authenticator", "com.azure.authenticator", "983156458"),
	store("Authy", "com.authy.authy", "494168017"),
	store("2FAS", "com.twofasapp", "1217793794"),
	store("Duo Mobile", "com.duosecurity.duomobile", "422663827"),
	store("Aegis", "com.beemdevelopment.aegis", ""),
	{Name: "Passwords", BuiltIn: true},
}

// store returns an app with its links to Google's and Apple's stores, from its ids there.
func store(name, android, iPhone string) App {
	app := App{Name: name, Android: "https://play.google.com/store/apps/details?id=" + android}
	if iPhone != "" {
		app.IPhone = "https://apps.apple.com/app/id" + iPhone
	}
	return app
}
