using System.Globalization;
using Metering.Engine;
using Microsoft.Extensions.Configuration;

namespace Metering.Gateway;

/// <summary>Reads the settings of one section; every error names the setting, its value and what is allowed.</summary>
internal sealed class SettingReader(IConfigurationSection section)
{
    public static MeteringStartupException Error(IConfigurationSection setting, string allowed) =>
        new($"{setting.Path} is {(setting.Value is { } value ? IsConnection(value) ? "a connection string" : $"\"{value}\"" : "a section")}; {allowed} is allowed.");

    /// <summary>Refuses settings that nobody reads, and a plain value in place of the section.</summary>
    public void AllowOnly(IReadOnlyList<string> names)
    {
        if (!string.IsNullOrEmpty(section.Value))
        {
            throw Error(section, $"a section with {string.Join(", ", names)}");
        }

        foreach (var setting in section.GetChildren())
        {
            if (!names.Contains(setting.Key, StringComparer.OrdinalIgnoreCase))
            {
                throw new MeteringStartupException(
                    $"{setting.Path} {(setting.Value is { } value && !IsConnection(value) ? $"(\"{value}\") " : string.Empty)}is not a setting; {section.Path} knows {string.Join(", ", names)}.");
            }
        }
    }

    public bool Has(string name) => section.GetSection(name).Exists();

    public string ReadText(string name, string defaultValue) => Read(name, defaultValue, static (string text, out string value) => (value = text).Length > 0, "a text");

    public long ReadNumber(string name, long min, long max, long defaultValue) => Read(
        name,
        defaultValue,
        (string text, out long value) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value) && value >= min && value <= max,
        $"a whole number from {min} to {max}");

    public Credits ReadCredits(string name, Credits defaultValue) => Read(
        name,
        defaultValue,
        static (string text, out Credits value) => Credits.TryParse(text, out value) && !value.IsNegative && value <= Credits.MaxAmount,
        $"a plain decimal from 0 to {Credits.MaxAmount} with at most {Credits.Decimals} decimals");

    public bool ReadFlag(string name, bool defaultValue) => Read(name, defaultValue, bool.TryParse, "true or false");

    public string ReadChoice(string name, IReadOnlyList<string> choices, string defaultValue) => Read(
        name, defaultValue, (string text, out string value) => choices.Contains(value = text, StringComparer.Ordinal), string.Join(" or ", choices));

    // It may hold a password, wherever it was put by mistake, and so is never repeated.
    private static bool IsConnection(string value) => value.Contains('=', StringComparison.Ordinal) || value.Contains("://", StringComparison.Ordinal);

    private T Read<T>(string name, T defaultValue, TryParse<T> parse, string allowed)
    {
        var setting = section.GetSection(name);
        if (!setting.Exists())
        {
            return defaultValue;
        }

        return setting.Value is { } text && parse(text, out var value) ? value : throw Error(setting, allowed);
    }

    private delegate bool TryParse<T>(string text, out T value);
}
