using System.Net;
using Metering.Engine;
using Microsoft.Extensions.Configuration;

namespace Metering.Gateway.Payments;

/// <summary>Reads the section <c>Metering:Payments</c>; every error names the setting, its value and what is allowed.</summary>
internal static class PaymentConfiguration
{
    private const int MostTenthCents = 1_000_000;
    private const long MostCents = 99_999_999; // Stripe's own limit of a charge.

    /// <param name="metering">The section <c>Metering</c>; null for the defaults.</param>
    /// <exception cref="MeteringStartupException">A setting is wrong.</exception>
    public static PaymentOptions Read(IConfiguration? metering)
    {
        var data = metering?["Data"] is { Length: > 0 } folder ? folder : MeteringConfiguration.DefaultData;
        var isInMemory = metering?["Store"] is "memory";
        var defaults = new PaymentOptions { KeyRing = isInMemory ? null : Path.Combine(data, "keys"), MailFolder = Path.Combine(data, "mail") };
        if (metering?.GetSection("Payments") is not { } section)
        {
            return defaults;
        }

        var settings = new SettingReader(section);
        settings.AllowOnly(["Provider", "PublicUrl", "KeyRing", "MailFolder", "TrustedProxies", "PurchasesAnHour", "ClaimsAnHour", "Plans", "Stripe", "Smtp", "SandboxWebhookUrl", "UpgradeAllotment", "RetentionDays"]);
        var stripe = ReadStripe(section.GetSection("Stripe"));
        RequireWholeStripe(section, stripe);
        var provider = settings.ReadChoice("Provider", ["none", "sandbox", "stripe"], stripe.ApiKey is null ? "sandbox" : "stripe");
        var options = defaults with
        {
            Provider = provider switch { "none" => PaymentProviderKind.None, "stripe" => PaymentProviderKind.Stripe, _ => PaymentProviderKind.Sandbox },
            PublicUrl = ReadUrl(section, "PublicUrl"),
            SandboxWebhookUrl = ReadUrl(section, "SandboxWebhookUrl"),
            KeyRing = settings.Has("KeyRing") ? settings.ReadText("KeyRing", string.Empty) : settings.ReadOptionalText("KeyRing", defaults.KeyRing),
            MailFolder = settings.ReadText("MailFolder", defaults.MailFolder),
            TrustedProxies = [.. settings.ReadSections("TrustedProxies", "a list: TrustedProxies:0, TrustedProxies:1, …").Select(ReadNetwork)],
            PurchasesAnHour = (int)settings.ReadNumber("PurchasesAnHour", 1, 1_000_000, defaults.PurchasesAnHour),
            ClaimsAnHour = (int)settings.ReadNumber("ClaimsAnHour", 1, 1_000_000, defaults.ClaimsAnHour),
            Plans = ReadPlans(section.GetSection("Plans"), defaults.Plans),
            UpgradeAllotment = settings.ReadChoice("UpgradeAllotment", ["prorated", "whole"], "prorated") == "whole" ? PlanAllotment.Whole : PlanAllotment.Prorated,
            Retention = TimeSpan.FromDays(settings.ReadNumber("RetentionDays", 30, 3_650, (long)defaults.Retention.TotalDays)),
            Stripe = stripe,
            Smtp = ReadSmtp(section.GetSection("Smtp")),
        };
        Check(section, options);
        return options;
    }

    /// <summary>Whoever set a part of Stripe up means to take money: the sandbox, which takes none, must not sell in its place.</summary>
    private static void RequireWholeStripe(IConfigurationSection section, StripeOptions stripe)
    {
        if (stripe.ApiKey is not null || section.GetSection("Provider").Exists())
        {
            return;
        }

        var hint = section.GetSection("Plans").GetChildren().Select(plan => plan.GetSection("StripePrice")).Append(section.GetSection("Stripe")).FirstOrDefault(part => part.Exists());
        if (hint is not null)
        {
            throw new MeteringStartupException(
                $"{hint.Path} is set, but {section.Path}:Stripe:ApiKey is not; set it to Stripe's secret key, or set {section.Path}:Provider to sandbox, which sells and takes no money, or to none.");
        }
    }

    private static void Check(IConfigurationSection section, PaymentOptions options)
    {
        if (options.Provider != PaymentProviderKind.Stripe)
        {
            return;
        }

        if (options.Stripe.ApiKey is null || options.Stripe.WebhookSecrets.Count == 0)
        {
            throw new MeteringStartupException(
                $"{section.Path}:Provider is stripe, but {section.Path}:Stripe:{(options.Stripe.ApiKey is null ? "ApiKey" : "WebhookSecrets:0")} is not set; set it, or choose sandbox or none.");
        }

        if (options.PublicUrl is null)
        {
            throw new MeteringStartupException(
                $"{section.Path}:PublicUrl is not set; set it to the address at which customers reach this gateway (https://meter.example): Stripe sends them back there.");
        }

        if (options.Plans.FirstOrDefault(plan => plan.Value is { IsForSale: true, StripePrice: null }) is { Key: { } plan })
        {
            throw new MeteringStartupException(
                $"{section.Path}:Plans:{plan}:StripePrice is not set; set it to the id of the plan's price at Stripe (price_…), or take the plan off sale with {section.Path}:Plans:{plan}:ForSale false.");
        }
    }

    private static StripeOptions ReadStripe(IConfigurationSection section)
    {
        var settings = new SettingReader(section);
        settings.AllowOnly(["ApiKey", "ApiBase", "WebhookSecrets", "TimeoutSeconds", "Retries", "FirstRetryMilliseconds"]);
        var defaults = new StripeOptions();
        return new()
        {
            ApiKey = settings.ReadOptionalText("ApiKey", null),
            ApiBase = ReadUrl(section, "ApiBase") ?? defaults.ApiBase,
            WebhookSecrets = [.. settings.ReadSections("WebhookSecrets", "a list: WebhookSecrets:0, WebhookSecrets:1, …").Select(secret => secret.Value).OfType<string>().Where(secret => secret.Length > 0)],
            Timeout = TimeSpan.FromSeconds(settings.ReadNumber("TimeoutSeconds", 1, 300, (long)defaults.Timeout.TotalSeconds)),
            Retries = (int)settings.ReadNumber("Retries", 0, 10, defaults.Retries),
            FirstRetry = TimeSpan.FromMilliseconds(settings.ReadNumber("FirstRetryMilliseconds", 0, 10_000, (long)defaults.FirstRetry.TotalMilliseconds)),
        };
    }

    private static SmtpOptions? ReadSmtp(IConfigurationSection section)
    {
        if (!section.Exists())
        {
            return null;
        }

        var settings = new SettingReader(section);
        settings.AllowOnly(["Host", "Port", "From", "UserName", "Password", "StartTls"]);
        var from = settings.ReadText("From", string.Empty);
        var (userName, password) = (settings.ReadOptionalText("UserName", null), settings.ReadOptionalText("Password", null));
        if (userName is null != password is null)
        {
            var (set, missing) = userName is null ? ("Password", "UserName") : ("UserName", "Password");
            throw new MeteringStartupException($"{section.Path}:{set} is set, but {section.Path}:{missing} is not; set both, or neither for a server that asks for none.");
        }

        return EmailAddress.IsValid(from)
            ? new(
                settings.Has("Host") ? settings.ReadText("Host", string.Empty) : throw new MeteringStartupException($"{section.Path}:Host is not set; the mail server's name is needed."),
                (int)settings.ReadNumber("Port", 1, 65_535, 587),
                from,
                userName,
                password,
                settings.ReadFlag("StartTls", true))
            : throw new MeteringStartupException($"{section.Path}:From is not an e-mail address; the sender's address is needed, for example meter@example.com.");
    }

    private static Dictionary<string, PlanPrice> ReadPlans(IConfigurationSection section, IReadOnlyDictionary<string, PlanPrice> defaults)
    {
        var plans = new Dictionary<string, PlanPrice>(defaults);
        foreach (var id in defaults.Keys.Union(section.GetChildren().Select(plan => plan.Key)))
        {
            var plan = section.GetSection(id);
            var settings = new SettingReader(plan);
            settings.AllowOnly(["ForSale", "AmountCents", "StripePrice", "CreditTenthCents"]);
            var before = plans.GetValueOrDefault(id, new(0, null, null));
            var credit = (int)settings.ReadNumber("CreditTenthCents", 0, MostTenthCents, before.CreditTenthCents ?? 0);
            plans[id] = new(
                settings.ReadNumber("AmountCents", 0, MostCents, before.AmountCents),
                settings.Has("StripePrice") ? settings.ReadText("StripePrice", string.Empty) : settings.ReadOptionalText("StripePrice", before.StripePrice),
                credit == 0 ? null : credit)
            {
                IsForSale = settings.ReadFlag("ForSale", true),
            };
        }

        return plans;
    }

    private static string? ReadUrl(IConfigurationSection section, string name)
    {
        if (new SettingReader(section).ReadOptionalText(name, null) is not { } text)
        {
            return null;
        }

        return Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? text.TrimEnd('/')
            : throw new MeteringStartupException($"{section.Path}:{name} is not an address; one that begins with http:// or https:// is allowed.");
    }

    private static IPNetwork ReadNetwork(IConfigurationSection setting)
    {
        if (IPNetwork.TryParse(setting.Value, out var network))
        {
            return network;
        }

        return IPAddress.TryParse(setting.Value, out var address)
            ? new(address, address.GetAddressBytes().Length * 8)
            : throw SettingReader.Error(setting, "an address or a network (10.0.0.0/8)");
    }
}
