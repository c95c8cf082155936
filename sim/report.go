package sim

import (
	_ "embed" // the page of the report
	"encoding/json"
	"fmt"
	"html/template"
	"io"
)

//go:embed report.html
var reportPage string

// reportTemplate is the page, a constant.
var reportTemplate = template.Must(template.New("report").Parse(reportPage))

// Report writes the film as one HTML page that needs nothing else: lanes, messages,
// faults, contents and what failed. again is the command that repeats the run.
func (f *Film) Report(w io.Writer, title, again string) error {
	data, err := json.Marshal(f.figures())
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return reportTemplate.Execute(w, struct {
		Title, Again string
		Film         template.JS
	}{title, again, template.JS(data)}) // Marshal escapes what would end the script
}

// figures are what the page draws, as short as JSON can be.
func (f *Film) figures() map[string]any {
	flights, spans := make([][]any, 0, len(f.Flights)), make([][]any, 0, len(f.Spans))
	for _, x := range f.Flights {
		flights = append(flights, []any{x.From, x.To, messageName(x.Message), x.Sent, x.At, x.Drop})
	}
	for _, s := range f.Spans {
		spans = append(spans, []any{s.Kind, s.From, s.To, s.At, s.End})
	}
	scenes, changes := make([][]any, 0, len(f.Scenes)), make([][]any, 0, len(f.Changes))
	for _, s := range f.Scenes {
		scenes = append(scenes, []any{s.At, s.Host, fmt.Sprintf("%08x", s.Root>>32), s.Live, s.Mode})
	}
	for _, c := range f.Changes {
		changes = append(changes, []any{c.At, c.Host, c.Key, shortVersion(c.Version), c.Deleted})
	}
	acts := make([][]any, 0, len(f.Acts))
	for i := range f.Acts {
		a := &f.Acts[i]
		acts = append(acts, []any{a.At, a.Hosts[0], actWords(a), actForms[a.Kind].fault && a.Kind != ActBackUp})
	}
	figures := map[string]any{
		"nodes": f.Nodes, "end": f.End, "messages": f.Messages,
		"thinned": f.Records > len(f.Changes) || f.Scened > len(f.Scenes),
		"flights": flights, "spans": spans, "scenes": scenes, "changes": changes, "acts": acts,
	}
	if f.Failure != nil {
		figures["failure"] = map[string]any{
			"at": f.Failure.At, "oracle": f.Failure.Oracle, "detail": firstLine(f.Failure.Detail),
		}
	}
	return figures
}
