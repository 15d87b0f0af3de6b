using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;

namespace Metering.Gateway.Payments.Sandbox;

/// <summary>A page of the sandbox: what is paid for, what happened last, and its buttons in groups.</summary>
/// <param name="Title">What the page is, for its tab and its heading.</param>
/// <param name="Amount">What is paid, with its currency and period; null where nothing is.</param>
/// <param name="Notice">What happened last; null where nothing did.</param>
/// <param name="Facts">Names and values.</param>
/// <param name="Groups">Groups of buttons, each under a heading; the first button of a group without one is the page's own.</param>
/// <param name="Path">Where the buttons' actions lie under.</param>
internal sealed record SandboxDocument(
    string Title, string? Amount, string? Notice, IReadOnlyList<(string Name, string Value)> Facts, IReadOnlyList<SandboxButtons> Groups, string Path)
{
    // Every pair of text and ground has a contrast of at least 4.5 to 1, light and dark: a test in a browser computes it.
    private const string Style = """
        :root { color-scheme: light dark; --ground: #eef1f5; --card: #ffffff; --text: #1b2430; --quiet: #4a5666; --line: #8793a3; --accent: #1e4fd0; --on-accent: #ffffff; --notice: #e3ecff; }
        @media (prefers-color-scheme: dark) {
          :root { --ground: #11151b; --card: #1b222c; --text: #edf1f6; --quiet: #b4bfcc; --line: #7b8898; --accent: #9dbbff; --on-accent: #0c1730; --notice: #22335a; }
        }
        * { box-sizing: border-box; }
        body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; padding: 1rem; background: var(--ground); color: var(--text); }
        main { max-width: 30rem; margin: 1rem auto; padding: 1.5rem; background: var(--card); border-radius: .75rem; box-shadow: 0 1px 4px #0004; }
        h1 { font-size: 1.4rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
        h2 { font-size: 1rem; margin: 1.75rem 0 .25rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
        p { margin: .5rem 0; }
        .amount { font-size: 2rem; font-weight: 700; line-height: 1.2; }
        .quiet { color: var(--quiet); font-size: .9rem; }
        dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1rem 0; }
        dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
        form { margin: .5rem 0; }
        button { font: inherit; width: 100%; min-height: 2.75rem; padding: .5rem 1rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--card); color: var(--text); cursor: pointer; }
        button:hover { border-color: var(--accent); }
        button.first { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
        button:focus-visible, [role=status]:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
        [role=status] { margin: 1rem 0; padding: .75rem 1rem; background: var(--notice); border-left: .3rem solid var(--accent); border-radius: .25rem; }
        """;

    /// <summary>Nothing from elsewhere, no script, this one style, and no frame around the page.</summary>
    public static string Policy { get; } =
        $"default-src 'none'; style-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Style)))}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    /// <summary>The page as HTML.</summary>
    public string ToHtml()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{Encode(Title)}</title><style>{Style}</style></head>
            <body><main><h1>{Encode(Title)}</h1>

            """);
        if (Amount is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $"<p class=\"amount\">{Encode(Amount)}</p>\n");
        }

        text.Append("<p class=\"quiet\">This is a trial: no money is taken, and no card is asked for.</p>\n");
        if (Notice is not null)
        {
            // Focused, so that who cannot see the page hears first what the button did.
            text.Append(CultureInfo.InvariantCulture, $"<p role=\"status\" tabindex=\"-1\" autofocus>{Encode(Notice)}</p>\n");
        }

        if (Facts.Count > 0)
        {
            var facts = Facts.Select(fact => $"<dt>{Encode(fact.Name)}</dt><dd>{Encode(fact.Value)}</dd>");
            text.Append(CultureInfo.InvariantCulture, $"<dl>{string.Concat(facts)}</dl>\n");
        }

        foreach (var group in Groups)
        {
            Append(text, group);
        }

        return text.Append("</main></body></html>\n").ToString();
    }

    private void Append(StringBuilder text, SandboxButtons group)
    {
        if (group.Heading is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $"<h2>{Encode(group.Heading)}</h2>\n");
        }

        foreach (var (action, label) in group.Buttons)
        {
            text.Append(CultureInfo.InvariantCulture, $"<form method=\"post\" action=\"{Encode(Path)}/{action}\"><button{(group.Heading is null ? " class=\"first\"" : string.Empty)}>{Encode(label)}</button></form>\n");
        }
    }

    private static string Encode(string text) => HtmlEncoder.Default.Encode(text);
}

/// <summary>Buttons of a page.</summary>
/// <param name="Heading">What stands above them; null for the page's own.</param>
/// <param name="Buttons">Each button's action and label.</param>
internal sealed record SandboxButtons(string? Heading, params IReadOnlyList<(string Action, string Label)> Buttons);
