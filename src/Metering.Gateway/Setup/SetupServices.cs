using Metering.Engine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Metering.Gateway.Setup;

/// <summary>Adds the account-setup helpers to a host.</summary>
internal static class SetupServices
{
    private const int DefaultCooldownDays = 30;
    private const int DefaultTimeoutSeconds = 10;

    /// <param name="services">The host's services; an <see cref="ICategorySuggester"/> that is there already stays.</param>
    /// <param name="metering">The section <c>Metering</c>, for <c>Settings</c> and <c>Suggestions</c>; null for the defaults.</param>
    /// <exception cref="MeteringStartupException">A setting is wrong.</exception>
    public static IServiceCollection AddSetup(this IServiceCollection services, IConfiguration? metering)
    {
        services.AddSingleton(new AccountSettingsOptions(TimeSpan.FromDays(ReadCooldown(metering?.GetSection("Settings")))));
        services.AddSingleton<AccountSettingsBook>();
        services.AddSingleton<LocalSuggester>();
        if (ReadModel(metering?.GetSection("Suggestions")) is { } model)
        {
            services.AddSingleton(model);
            services.TryAddSingleton<ICategorySuggester, RemoteSuggester>();
        }
        else
        {
            services.TryAddSingleton<ICategorySuggester>(provider => provider.GetRequiredService<LocalSuggester>());
        }

        return services;
    }

    private static long ReadCooldown(IConfigurationSection? section)
    {
        if (section is null)
        {
            return DefaultCooldownDays;
        }

        var settings = new SettingReader(section);
        settings.AllowOnly(["SwitchCooldownDays"]);
        return settings.ReadNumber("SwitchCooldownDays", 0, 3_650, DefaultCooldownDays);
    }

    private static SuggestionOptions? ReadModel(IConfigurationSection? section)
    {
        if (section is null)
        {
            return null;
        }

        var settings = new SettingReader(section);
        settings.AllowOnly(["ApiBase", "ApiKey", "Model", "TimeoutSeconds"]);
        var (apiBase, model, key) = (settings.ReadOptionalText("ApiBase", null), settings.ReadOptionalText("Model", null), settings.ReadOptionalText("ApiKey", null));
        var timeout = TimeSpan.FromSeconds(settings.ReadNumber("TimeoutSeconds", 1, 120, DefaultTimeoutSeconds));
        if (!section.Exists())
        {
            return null;
        }

        return Uri.TryCreate(apiBase, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && model is not null
            ? new(apiBase.TrimEnd('/'), model, key, timeout)
            : throw new MeteringStartupException($"{section.Path} needs ApiBase (an address that begins with http:// or https://) and Model, or none of it for the local suggester.");
    }
}
