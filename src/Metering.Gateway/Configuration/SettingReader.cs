using System.Globalization;
using Metering.Engine;
using Microsoft.Extensions.Configuration;

namespace Metering.Gateway;

/// <summary>Reads the settings of one section; every error names the setting and what is allowed, and repeats a value only of a setting that is known and no secret.</summary>
internal sealed class SettingReader(IConfigurationSection section)
{
    public static MeteringStartupException Error(IConfigurationSection setting, string allowed) =>
        new($"{setting.Path} ({EnvironmentName(setting.Path)} in the environment) is {(setting.Value is { } value ? Describe(setting.Path, value) : "a section")}; {allowed} is allowed.");

    /// <summary>A setting as an environment variable names it.</summary>
    public static string EnvironmentName(string path) => path.Replace(":", "__", StringComparison.Ordinal);

    /// <summary>Refuses settings that nobody reads, and a plain value in place of the section.</summary>
    public void AllowOnly(IReadOnlyList<string> names)
    {
        if (!string.IsNullOrEmpty(section.Value))
        {
            throw NoSection(section, $"a section with {string.Join(", ", names)}");
        }

        foreach (var setting in section.GetChildren())
        {
            if (!names.Contains(setting.Key, StringComparer.OrdinalIgnoreCase))
            {
                // Without its value: who mistypes the name of a secret must not find the secret in the log.
                throw new MeteringStartupException($"{setting.Path} is not a setting; {section.Path} knows {string.Join(", ", names)}.");
            }
        }
    }

    public bool Has(string name) => section.GetSection(name).Exists();

    /// <summary>Sections by their names; none where the setting is left out.</summary>
    /// <param name="name">The setting.</param>
    /// <param name="allowed">What its sections are, for the error where it is a plain value.</param>
    public IEnumerable<IConfigurationSection> ReadSections(string name, string allowed)
    {
        var setting = section.GetSection(name);
        return string.IsNullOrEmpty(setting.Value) ? setting.GetChildren() : throw NoSection(setting, allowed);
    }

    /// <summary>A text that may be left out or empty; null then.</summary>
    public string? ReadOptionalText(string name, string? defaultValue) =>
        Read(name, defaultValue, TakeText, "a text");

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

    // What stands in place of a section is of no known form, and may be anything.
    private static MeteringStartupException NoSection(IConfigurationSection setting, string allowed) =>
        new($"{setting.Path} ({EnvironmentName(setting.Path)} in the environment) is a plain value; {allowed} is allowed.");

    private static string Describe(string path, string value) =>
        SettingLog.IsSecret(path, value) ? "a value that is not shown" : IsConnection(value) ? "a connection string" : $"\"{value}\"";

    // It may hold a password, wherever it was put by mistake, and so is never repeated.
    private static bool IsConnection(string value) => value.Contains('=', StringComparison.Ordinal) || value.Contains("://", StringComparison.Ordinal);

    private static bool TakeText(string text, out string? value)
    {
        value = text.Length == 0 ? null : text;
        return true;
    }

    private T Read<T>(string name, T defaultValue, TryParse<T> parse, string allowed)
    {
        var setting = section.GetSection(name);
        var inForce = !setting.Exists() ? defaultValue : setting.Value is { } text && parse(text, out var value) ? value : throw Error(setting, allowed);
        (section as LoggedSection)?.Log.Note(setting.Path, inForce switch { null => null, bool flag => flag ? "true" : "false", _ => Convert.ToString(inForce, CultureInfo.InvariantCulture) });
        return inForce;
    }

    private delegate bool TryParse<T>(string text, out T value);
}
