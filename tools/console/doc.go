// Package console tests the web console as people use it: in a browser, against three
// real processes that are cut off from each other and meet again.
//
// It is a part of the tools module, so that the product does not depend on what drives a
// browser. Where there is no Chromium its tests skip, and say so.
package console
