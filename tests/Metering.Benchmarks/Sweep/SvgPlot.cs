using System.Globalization;
using System.Xml.Linq;

namespace Metering.Benchmarks;

/// <summary>How a line is drawn.</summary>
internal enum SvgStroke
{
    Solid,
    Dashed,
    Dotted,
}

/// <summary>A line through points above zero.</summary>
internal sealed record SvgSeries(string Name, string Colour, SvgStroke Stroke, IReadOnlyList<(double X, double Y)> Points);

/// <summary>A panel: both axes are logarithmic.</summary>
internal sealed record SvgPanel(string YTitle, string XTitle, IReadOnlyList<SvgSeries> Series);

/// <summary>Draws panels below each other as one SVG: dark on light, the reader's own sans-serif font, a legend beside each panel.</summary>
internal static class SvgPlot
{
    private const double Width = 960;
    private const double PanelHeight = 340;
    private const double Top = 56;
    private const double Left = 84;
    private const double Right = 250;
    private const double Bottom = 56;

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    public static string Render(string title, IReadOnlyList<SvgPanel> panels)
    {
        var height = (panels.Count * PanelHeight) + Top;
        var root = new XElement(
            Svg + "svg",
            new XAttribute("viewBox", Invariant($"0 0 {Width} {height}")),
            new XAttribute("width", Width),
            new XAttribute("height", height),
            new XAttribute("font-family", "sans-serif"),
            new XAttribute("font-size", 13),
            new XAttribute("fill", "#1c1c1c"),
            new XElement(Svg + "title", title),
            new XElement(Svg + "rect", new XAttribute("width", Width), new XAttribute("height", height), new XAttribute("fill", "#ffffff")),
            Text(Left, 30, title, "start", 18));
        for (var index = 0; index < panels.Count; index++)
        {
            root.Add(new XElement(Svg + "g", new XAttribute("transform", Invariant($"translate(0 {Top + (index * PanelHeight)})")), Draw(panels[index])));
        }

        return $"{root}\n";
    }

    private static IEnumerable<XElement> Draw(SvgPanel panel)
    {
        var drawn = panel.Series.Select(series => series with { Points = [.. series.Points.Where(point => point is { X: > 0, Y: > 0 } && double.IsFinite(point.X) && double.IsFinite(point.Y))] })
            .Where(series => series.Points.Count > 0)
            .ToArray();
        if (drawn.Length == 0)
        {
            return [Text(Left, 40, $"{panel.YTitle}: nothing was measured", "start")];
        }

        var points = drawn.SelectMany(series => series.Points).ToArray();
        var x = Axis.Over(points.Select(point => point.X), Left, Width - Right, 2);
        var y = Axis.Over(points.Select(point => point.Y), PanelHeight - Bottom, 16, 10);
        return [.. DrawGrid(panel, x, y), .. drawn.SelectMany((series, index) => DrawSeries(series, index, x, y))];
    }

    private static IEnumerable<XElement> DrawGrid(SvgPanel panel, Axis x, Axis y)
    {
        foreach (var tick in y.Ticks())
        {
            yield return Line(x.Start, y.At(tick), x.End, y.At(tick), "#d9d9d9");
            yield return Text(x.Start - 8, y.At(tick) + 4, Number(tick), "end");
        }

        foreach (var tick in x.Ticks())
        {
            yield return Line(x.At(tick), y.Start, x.At(tick), y.End, "#ececec");
            yield return Text(x.At(tick), y.Start + 18, Number(tick), "middle");
        }

        yield return Line(x.Start, y.Start, x.End, y.Start, "#1c1c1c");
        yield return Line(x.Start, y.Start, x.Start, y.End, "#1c1c1c");
        yield return Text((x.Start + x.End) / 2, y.Start + 38, panel.XTitle, "middle");
        yield return Text(x.Start, y.End - 6, panel.YTitle, "start", weight: "bold");
    }

    private static IEnumerable<XElement> DrawSeries(SvgSeries series, int index, Axis x, Axis y)
    {
        var places = series.Points.Select(point => (X: x.At(point.X), Y: y.At(point.Y))).ToArray();
        yield return new(
            Svg + "polyline",
            new XAttribute("points", string.Join(' ', places.Select(place => Invariant($"{place.X:F1},{place.Y:F1}")))),
            new XAttribute("fill", "none"),
            Stroke(series));
        foreach (var place in places)
        {
            yield return new(Svg + "circle", new XAttribute("cx", Round(place.X)), new XAttribute("cy", Round(place.Y)), new XAttribute("r", 2.5), new XAttribute("fill", series.Colour));
        }

        var row = 24 + (index * 20);
        var legend = Line(x.End + 20, row, x.End + 50, row, series.Colour);
        legend.Add(Stroke(series).Where(attribute => attribute.Name != "stroke"));
        yield return legend;
        yield return Text(x.End + 58, row + 4, series.Name, "start");
    }

    private static XAttribute[] Stroke(SvgSeries series) => series.Stroke switch
    {
        SvgStroke.Solid => [new("stroke", series.Colour), new("stroke-width", 2)],
        SvgStroke.Dashed => [new("stroke", series.Colour), new("stroke-width", 2), new("stroke-dasharray", "8 4")],
        SvgStroke.Dotted => [new("stroke", series.Colour), new("stroke-width", 2), new("stroke-dasharray", "2 4")],
        _ => throw new ArgumentOutOfRangeException(nameof(series)),
    };

    private static XElement Line(double x1, double y1, double x2, double y2, string colour) => new(
        Svg + "line",
        new XAttribute("x1", Round(x1)),
        new XAttribute("y1", Round(y1)),
        new XAttribute("x2", Round(x2)),
        new XAttribute("y2", Round(y2)),
        new XAttribute("stroke", colour));

    private static XElement Text(double x, double y, string text, string anchor, int size = 13, string weight = "normal") => new(
        Svg + "text",
        new XAttribute("x", Round(x)),
        new XAttribute("y", Round(y)),
        new XAttribute("text-anchor", anchor),
        new XAttribute("font-size", size),
        new XAttribute("font-weight", weight),
        text);

    private static double Round(double place) => Math.Round(place, 1);

    private static string Number(double value) => value switch
    {
        >= 1_000_000 => Invariant($"{value / 1_000_000:0.##}M"),
        >= 10_000 => Invariant($"{value / 1_000:0.##}k"),
        _ => Invariant($"{value:0.####}"),
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A logarithmic axis between two places, from a power of its base to another.</summary>
    private sealed record Axis(double Start, double End, double Min, double Max, double Base)
    {
        public static Axis Over(IEnumerable<double> values, double start, double end, double numberBase)
        {
            var (low, high) = (double.MaxValue, double.MinValue);
            foreach (var value in values)
            {
                (low, high) = (Math.Min(low, value), Math.Max(high, value));
            }

            var (min, max) = (Math.Floor(Math.Log(low, numberBase) + 1e-9), Math.Ceiling(Math.Log(high, numberBase) - 1e-9));
            return new(start, end, min, Math.Max(max, min + 1), numberBase);
        }

        public double At(double value) => Start + ((End - Start) * (Math.Log(value, Base) - Min) / (Max - Min));

        public IEnumerable<double> Ticks()
        {
            // At most eight numbers fit beside each other.
            var step = Math.Max(1, Math.Ceiling((Max - Min) / 8));
            for (var exponent = Min; exponent <= Max; exponent += step)
            {
                yield return Math.Pow(Base, exponent);
            }
        }
    }
}
