using System.Globalization;
using System.Xml.Linq;
using Xunit;

namespace Metering.Benchmarks.Tests;

public sealed class SvgPlotTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void A_plot_is_well_formed_and_names_everything_even_with_marks_of_its_format()
    {
        var root = XElement.Parse(Render("a < b & c", (1, 10), (4_096, 1_000_000)));
        var texts = root.Descendants(Svg + "text").Select(text => text.Value).ToArray();
        Assert.Contains("a < b & c", texts);
        Assert.Contains("rate", texts);
        Assert.Contains("callers", texts);
        Assert.Contains("4096", texts);
        Assert.Contains("1M", texts);
    }

    [Fact]
    public void More_lies_to_the_right_and_above_and_inside_the_picture()
    {
        var root = XElement.Parse(Render("s", (1, 10), (64, 1_000), (4_096, 100_000)));
        var places = root.Descendants(Svg + "polyline").Single().Attribute("points")!.Value.Split(' ')
            .Select(pair => pair.Split(',').Select(part => double.Parse(part, CultureInfo.InvariantCulture)).ToArray())
            .ToArray();
        Assert.Equal(3, places.Length);
        Assert.True(places[0][0] < places[1][0] && places[1][0] < places[2][0]);
        Assert.True(places[0][1] > places[1][1] && places[1][1] > places[2][1]);
        Assert.All(places, place => Assert.True(place[0] is >= 0 and <= 960 && place[1] is >= 0 and <= 396));

        // Logarithmic: the same factor is the same distance.
        Assert.Equal(places[1][0] - places[0][0], places[2][0] - places[1][0], 0.2);
        Assert.Equal(places[0][1] - places[1][1], places[1][1] - places[2][1], 0.2);
    }

    [Fact]
    public void What_no_logarithm_can_show_is_left_out()
    {
        var root = XElement.Parse(Render("s", (1, double.NaN), (2, 0), (4, 5)));
        Assert.Single(root.Descendants(Svg + "circle"));
        Assert.Contains("nothing was measured", Render("s", (1, double.NaN)), StringComparison.Ordinal);
    }

    private static string Render(string name, params (double X, double Y)[] points) =>
        SvgPlot.Render("title", [new("rate", "callers", [new(name, "#000000", SvgStroke.Dashed, points)])]);
}
