package templates

// texts are the messages that Go code names, here and in package web. New looks
// each of them up; a test sees to it that none is missing here.
var texts = []string{
	"language", "date_layout", "time_layout", "error_prefix", "page_title", "common.never",
	"common.totp", "common.backup",
	"challenge.title", "challenge.backup_title", "setup.title", "setup.replace_title",
	"replace.title", "backup.title", "backup.sheet_title", "backup.manage_title",
	"settings.title", "disable.title", "help.title",
	"backup.sheet_for", "backup.sheet_made", "backup.sheet_use",
	"code.label", "code.either", "code.either_hint", "code.app_hint", "code.backup_label", "code.backup_hint",
	"code.wrong", "code.missing", "code.malformed", "code.left", "code.wait_seconds", "code.wait_minutes",
	"code.off", "code.clock", "code.clock_behind", "code.clock_ahead",
	"setup.step_confirm_hint", "setup.stale", "setup.wrong",
	"flash.enabled", "flash.replaced", "flash.codes_saved", "flash.disabled", "flash.session_ended",
	"flash.session_gone", "flash.ended_here", "flash.changed", "flash.restart",
	"not_sent.title", "not_sent.text", "not_sent.link",
	"signed_out.title", "signed_out.text", "signed_out.link",
	"problem.not_found_title", "problem.not_found", "problem.method_title", "problem.method",
	"problem.origin_title", "problem.origin", "problem.form_title", "problem.form",
	"problem.large_title", "problem.large", "problem.worker_title", "problem.worker",
	"problem.required_title", "problem.required", "problem.store_title", "problem.store",
	"problem.settings", "problem.retry",
	"refused.request_title", "refused.request", "refused.sign_in_title", "refused.sign_in",
	"refused.closed_title", "refused.closed", "refused.slow_title", "refused.slow",
	"refused.large_title", "refused.large", "refused.unknown_title", "refused.unknown", "refused.home",
}
