using System.Globalization;
using System.Text;

namespace Metering.Benchmarks;

/// <summary>A page of results on its way.</summary>
internal sealed class MarkdownPage
{
    private readonly StringBuilder page = new();

    /// <summary>All of it.</summary>
    public override string ToString() => page.ToString();

    /// <summary>A heading and a table below it; nothing where it has no rows.</summary>
    public void AddTable(string title, IReadOnlyList<string> columns, IEnumerable<string[]> rows)
    {
        var all = rows.ToArray();
        if (all.Length == 0)
        {
            return;
        }

        Line();
        Line($"## {title}");
        Line();
        Line($"| {string.Join(" | ", columns)} |");
        Line($"|{string.Concat(Enumerable.Repeat("---|", columns.Count))}");
        Array.ForEach(all, row => Line($"| {string.Join(" | ", row)} |"));
    }

    /// <summary>A line with figures.</summary>
    public void LineOf(FormattableString text) => page.Append(Text(text)).Append('\n');

    /// <summary>A line.</summary>
    public void Line(string text = "") => page.Append(text).Append('\n');

    /// <summary>Figures as every reader reads them, whatever the culture here.</summary>
    public static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
