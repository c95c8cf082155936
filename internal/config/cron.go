package config

import (
	"errors"
	"time"

	"github.com/netresearch/go-cron"
)

// Schedule says when something happens next.
type Schedule interface {
	// Next is the first time after t, in the time zone of t.
	Next(t time.Time) time.Time
}

// errNever says that a schedule names a date that does not exist.
var errNever = errors.New("this time never comes")

// ParseCron reads five fields, or a word such as @daily, as POSIX crontab does: where both
// a day of the month and one of the week are given, either will do. It refuses a time that
// never comes.
func ParseCron(text string) (Schedule, error) {
	parser, err := cron.TryNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor | cron.DowOrDom)
	if err != nil {
		return nil, err
	}
	s, err := parser.Parse(text)
	if err != nil {
		return nil, err
	}
	if s.Next(time.Now()).IsZero() {
		return nil, errNever
	}
	return s, nil
}
