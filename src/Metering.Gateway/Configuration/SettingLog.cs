using System.Data.Common;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.Primitives;

namespace Metering.Gateway;

/// <summary>Notes every setting that is read: what is in force, and where it comes from. Secrets are masked before they are kept.</summary>
/// <param name="root">The whole configuration.</param>
/// <param name="flagOf">The command line's flag that set a path; null where none did.</param>
internal sealed class SettingLog(IConfigurationRoot root, Func<string, string?> flagOf)
{
    private const string Masked = "***";

    private static readonly string[] SecretNames = ["key", "keyhash", "secret", "password", "token"];
    private static readonly string[] SecretLooks = ["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"];
    private static readonly string[] SecretParts = ["password", "pwd", "psw", "passwd", "secret", "token"];

    private readonly SortedDictionary<string, string> values = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The settings in the order of their paths, a line each: path, value, and behind # the source.</summary>
    public IEnumerable<string> Lines => values.Select(setting => $"{setting.Key} = {setting.Value}  # {SourceOf(root, setting.Key) ?? "default"}");

    /// <summary>Notes a value in force.</summary>
    /// <param name="path">The setting ("Metering:Store").</param>
    /// <param name="value">Its value; null where it is not set and has no default.</param>
    public void Note(string path, string? value) => values[path] = value is null ? "(not set)" : Mask(path, value);

    /// <summary>A value as it may be shown.</summary>
    internal static string Mask(string path, string value)
    {
        if (IsSecret(path, value))
        {
            return Masked;
        }

        if (value.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme)
        {
            return MaskUrl(value, scheme + "://".Length);
        }

        return value.Contains('=', StringComparison.Ordinal) ? MaskParts(value) : value;
    }

    /// <summary>True where a setting's name says that it holds a secret, or several (one of a list is named by its number), or its value looks like one.</summary>
    internal static bool IsSecret(string path, string value)
    {
        var name = path.Split(':').LastOrDefault(part => !part.All(char.IsAsciiDigit)) ?? path;
        return SecretNames.Any(word => name.EndsWith(word, StringComparison.OrdinalIgnoreCase) || name.EndsWith(word + "s", StringComparison.OrdinalIgnoreCase))
            || SecretLooks.Any(look => value.Contains(look, StringComparison.Ordinal));
    }

    /// <summary>Without the user and what the query sets: either may be a password. A password may hold any character, written with escapes or without.</summary>
    private static string MaskUrl(string url, int authority)
    {
        var user = url.LastIndexOf('@');
        var start = user < authority ? authority : user;
        var query = url.IndexOf('?', start);
        return $"{url[..authority]}{(user < authority ? string.Empty : Masked)}{(query < 0 ? url[start..] : $"{url[start..(query + 1)]}{Masked}")}";
    }

    private static string MaskParts(string value)
    {
        var parts = new DbConnectionStringBuilder();
        try
        {
            parts.ConnectionString = value;
        }
        catch (ArgumentException)
        {
            // Whatever it is, it may hold a password.
            return Masked;
        }

        foreach (var part in parts.Keys.Cast<string>().Where(part => SecretParts.Any(word => part.Contains(word, StringComparison.OrdinalIgnoreCase))).ToArray())
        {
            parts[part] = Masked;
        }

        return parts.ConnectionString;
    }

    private string? SourceOf(IConfigurationRoot configuration, string path)
    {
        foreach (var provider in configuration.Providers.Reverse())
        {
            if (provider is ChainedConfigurationProvider { Configuration: IConfigurationRoot inner })
            {
                if (SourceOf(inner, path) is { } source)
                {
                    return source;
                }
            }
            else if (provider.TryGet(path, out _))
            {
                return provider switch
                {
                    EnvironmentVariablesConfigurationProvider => path.Contains(':', StringComparison.Ordinal) ? $"environment {SettingReader.EnvironmentName(path)}" : "environment",
                    FileConfigurationProvider file => $"file {file.Source.Path}",
                    _ => flagOf(path) is { } flag ? $"argument {flag}" : "default",
                };
            }
        }

        return null;
    }
}

/// <summary>A section whose settings are noted as they are read, by whichever reader.</summary>
internal sealed class LoggedSection(IConfigurationSection inner, SettingLog log) : IConfigurationSection
{
    public SettingLog Log => log;

    public string Key => inner.Key;

    public string Path => inner.Path;

    public string? Value
    {
        get
        {
            if (inner.Value is { } value)
            {
                log.Note(inner.Path, value);
            }

            return inner.Value;
        }
        set => inner.Value = value;
    }

    public string? this[string key]
    {
        get
        {
            var value = inner[key];
            log.Note(ConfigurationPath.Combine(inner.Path, key), value);
            return value;
        }
        set => inner[key] = value;
    }

    public IEnumerable<IConfigurationSection> GetChildren() => inner.GetChildren().Select(child => new LoggedSection(child, log));

    public IConfigurationSection GetSection(string key) => new LoggedSection(inner.GetSection(key), log);

    public IChangeToken GetReloadToken() => inner.GetReloadToken();
}
