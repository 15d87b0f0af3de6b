using System.Globalization;

namespace Metering.Benchmarks;

/// <summary>A command line's <c>--name value</c> pairs. What is wrong with one is an <see cref="ArgumentException"/> of one sentence.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> values = [];
    private readonly HashSet<string> asked = [];

    public Arguments(IReadOnlyList<string> arguments)
    {
        for (var index = 0; index < arguments.Count; index += 2)
        {
            var name = arguments[index];
            if (!name.StartsWith("--", StringComparison.Ordinal))
            {
                throw new ArgumentException($"{name} is not an option; options begin with --.");
            }

            if (index + 1 == arguments.Count)
            {
                throw new ArgumentException($"{name} needs a value.");
            }

            if (!values.TryAdd(name, arguments[index + 1]))
            {
                throw new ArgumentException($"{name} is given twice.");
            }
        }
    }

    /// <summary>A whole number.</summary>
    public int Number(string name, int fallback, int min, int max)
    {
        if (!TryTake(name, out var value))
        {
            return fallback;
        }

        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
            ? number
            : throw new ArgumentException($"{name} is {value}; {min} to {max} are allowed.");
    }

    /// <summary>Whole numbers, separated by commas.</summary>
    public IReadOnlyList<int> Numbers(string name, IReadOnlyList<int> fallback, int min, int max)
    {
        if (!TryTake(name, out var value))
        {
            return fallback;
        }

        var numbers = new List<int>();
        foreach (var part in value.Split(','))
        {
            numbers.Add(int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
                ? number
                : throw new ArgumentException($"{name} has {part}; numbers of {min} to {max}, separated by commas, are allowed."));
        }

        return numbers;
    }

    /// <summary>One of some words.</summary>
    public string Choice(string name, string fallback, IReadOnlyList<string> allowed) =>
        !TryTake(name, out var value) ? fallback
        : allowed.Contains(value) ? value
        : throw new ArgumentException($"{name} is {value}; {string.Join(", ", allowed)} are allowed.");

    /// <summary>Some of some words, separated by commas.</summary>
    public IReadOnlyList<string> Choices(string name, IReadOnlyList<string> fallback, IReadOnlyList<string> allowed)
    {
        if (!TryTake(name, out var value))
        {
            return fallback;
        }

        var parts = value.Split(',');
        return parts.FirstOrDefault(part => !allowed.Contains(part)) is { } unknown
            ? throw new ArgumentException($"{name} has {unknown}; {string.Join(", ", allowed)}, separated by commas, are allowed.")
            : parts;
    }

    /// <summary>on or off.</summary>
    public bool Switch(string name, bool fallback) => Choice(name, fallback ? "on" : "off", ["on", "off"]) == "on";

    /// <summary>Any text; null where it is not given.</summary>
    public string? Text(string name) => TryTake(name, out var value) ? value : null;

    /// <summary>Call it when every option has been read: what is left is none of this command.</summary>
    public void RefuseOthers()
    {
        if (values.Keys.FirstOrDefault(name => !asked.Contains(name)) is { } unknown)
        {
            throw new ArgumentException($"{unknown} is not an option here; {(asked.Count == 0 ? "there are none" : $"{string.Join(", ", asked)} are")}.");
        }
    }

    private bool TryTake(string name, out string value)
    {
        asked.Add(name);
        return values.TryGetValue(name, out value!);
    }
}
