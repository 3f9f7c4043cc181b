package cli

// These identifiers are exported for the tests of package cli_test, which import caddyplugin.

type Stage = stage

const TokenHeader = tokenHeader

var (
	ReadConfig = readConfig
	PickSite   = pickSite
	PlanOf     = planOf
	StartStage = startStage
	FindSites  = findSites
	SettingsOf = foundSite.settings
)

func (st *stage) Stop() error { return st.stop() }
func (st *stage) Dir() string { return st.dir }

// Addresses are those of the stage's servers by name.
func (st *stage) Addresses() map[string]string {
	return map[string]string{"gate": st.gate, "portal": st.portal}
}
