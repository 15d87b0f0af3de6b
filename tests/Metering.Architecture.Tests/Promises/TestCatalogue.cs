using System.Text.RegularExpressions;

namespace Metering.Architecture.Tests.Promises;

/// <summary>
/// Every test of the repository by "Class.Method", read from the sources: a table here can then name tests of projects that cannot be
/// referenced together, or do not restore on this machine.
/// </summary>
internal static partial class TestCatalogue
{
    public static IReadOnlySet<string> Names { get; } = Repository.Files("tests", "*.cs").SelectMany(file => NamesOf(File.ReadLines(file))).ToHashSet();

    internal static IEnumerable<string> NamesOf(IEnumerable<string> lines)
    {
        var (type, isTest) = (string.Empty, false);
        foreach (var line in lines)
        {
            if (OutermostClass().Match(line) is { Success: true } found)
            {
                type = found.Groups["name"].Value;
            }
            else if (TestAttribute().IsMatch(line))
            {
                isTest = true;
            }
            else if (Method().Match(line) is { Success: true } method)
            {
                if (isTest)
                {
                    yield return $"{type}.{method.Groups["name"].Value}";
                }

                isTest = false;
            }
        }
    }

    [GeneratedRegex(@"^(public |internal |sealed |abstract |partial )*class (?<name>\w+)", RegexOptions.CultureInvariant)]
    private static partial Regex OutermostClass();

    [GeneratedRegex(@"^\s+\[\w*(Fact|Theory)\b", RegexOptions.CultureInvariant)]
    private static partial Regex TestAttribute();

    [GeneratedRegex(@"^\s+public (async )?(Task|void) (?<name>\w+)\(", RegexOptions.CultureInvariant)]
    private static partial Regex Method();
}
