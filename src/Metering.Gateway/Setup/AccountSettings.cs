using System.Text.Json.Serialization;
using Metering.Engine;
using Metering.Gateway.Payments;

namespace Metering.Gateway.Setup;

/// <summary>What an account has chosen.</summary>
internal sealed record AccountSettings
{
    public const string Kind = "settings";

    public required string Account { get; init; }

    /// <summary>The lead database; null until one is chosen.</summary>
    public string? SmbType { get; init; }

    public DateTimeOffset? SwitchedAt { get; init; }

    public IReadOnlyList<string> Keywords { get; init; } = [];

    public DateTimeOffset? KeywordsAt { get; init; }
}

/// <summary>How often the lead database may be switched (section <c>Metering:Settings</c>).</summary>
/// <param name="SwitchCooldown">How long a choice stays, 0 or more; default 30 days.</param>
internal sealed record AccountSettingsOptions(TimeSpan SwitchCooldown);

/// <summary>Keeps accounts' settings.</summary>
internal sealed class AccountSettingsBook(IPaymentStore store, UnreadableDocuments unreadable, AccountSettingsOptions options, TimeProvider time)
{
    private readonly Book<AccountSettings> book = new(
        store, unreadable, AccountSettings.Kind, AccountSettingsJson.Default.AccountSettings, settings => settings.Account, _ => [], _ => null);

    /// <summary>The settings of an account.</summary>
    public async ValueTask<AccountSettings> FindAsync(AccountId account, CancellationToken cancellationToken) =>
        (await book.FindAsync(account.Value, cancellationToken).ConfigureAwait(false))?.Value ?? new() { Account = account.Value };

    /// <summary>Until when a choice of the database stays; null where it may be switched.</summary>
    public DateTimeOffset? FixedUntil(AccountSettings settings) =>
        settings.SwitchedAt + options.SwitchCooldown is { } until && until > time.GetUtcNow() ? until : null;

    /// <summary>Chooses a database; false where the last choice still stays. The same one again is no switch.</summary>
    public async ValueTask<(bool IsSwitched, AccountSettings Settings)> SwitchAsync(AccountId account, string smbType, CancellationToken cancellationToken)
    {
        while (true)
        {
            var stored = await book.FindAsync(account.Value, cancellationToken).ConfigureAwait(false);
            var settings = stored?.Value ?? new() { Account = account.Value };
            if (settings.SmbType == smbType || FixedUntil(settings) is not null)
            {
                return (settings.SmbType == smbType, settings);
            }

            var switched = settings with { SmbType = smbType, SwitchedAt = time.GetUtcNow() };
            if (await store.SaveAsync([book.Change(switched, stored?.Version ?? 0)], cancellationToken).ConfigureAwait(false))
            {
                return (true, switched);
            }
        }
    }

    /// <summary>Keeps generated keywords in place of earlier ones.</summary>
    public ValueTask KeepKeywordsAsync(AccountId account, IReadOnlyList<string> keywords, CancellationToken cancellationToken) =>
        KeepKeywordsAsync(account, keywords, time.GetUtcNow(), cancellationToken);

    /// <summary>Erases the keywords, which tell of the account's business; the chosen database stays, and until when.</summary>
    public async ValueTask EraseKeywordsAsync(AccountId account, CancellationToken cancellationToken)
    {
        if ((await FindAsync(account, cancellationToken).ConfigureAwait(false)).KeywordsAt is not null)
        {
            await KeepKeywordsAsync(account, [], null, cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask KeepKeywordsAsync(AccountId account, IReadOnlyList<string> keywords, DateTimeOffset? at, CancellationToken cancellationToken)
    {
        AccountSettings kept;
        Stored<AccountSettings>? stored;
        do
        {
            stored = await book.FindAsync(account.Value, cancellationToken).ConfigureAwait(false);
            kept = (stored?.Value ?? new() { Account = account.Value }) with { Keywords = keywords, KeywordsAt = at };
        }
        while (!await store.SaveAsync([book.Change(kept, stored?.Version ?? 0)], cancellationToken).ConfigureAwait(false));
    }
}

/// <summary>JSON of what is stored. Fields are only ever added.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AccountSettings))]
internal sealed partial class AccountSettingsJson : JsonSerializerContext;
