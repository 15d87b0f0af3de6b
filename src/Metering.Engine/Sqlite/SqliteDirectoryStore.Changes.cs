namespace Metering.Engine;

/// <summary>Changes to profiles, and API keys that are made within a limit.</summary>
public sealed partial class SqliteDirectoryStore
{
    /// <inheritdoc />
    public ValueTask<AccountProfile?> UpdateProfileAsync(AccountId account, ProfileChange change, CancellationToken cancellationToken = default) => Call(
        () =>
        {
            updateProfile.Bind(1, account.Value);
            Bind(2, change.FirstName);
            Bind(4, change.LastName);
            Bind(6, change.CompanyName);
            Bind(8, change.CompanyWebsite);
            return All(updateProfile, ProfileOf).SingleOrDefault();
        },
        cancellationToken);

    /// <inheritdoc />
    public ValueTask<KeyAddition> MakeKeyAsync(KeyMaking making, CancellationToken cancellationToken = default) =>
        Call(() => Commit(() => Make(making)), cancellationToken);

    /// <inheritdoc />
    public ValueTask<KeptAnswer?> FindAnswerAsync(AccountId account, ReadOnlyMemory<byte> key, CancellationToken cancellationToken = default) =>
        Call(() => FindAnswer(account, key), cancellationToken);

    private KeyAddition Make(KeyMaking making)
    {
        if (making.Answer is { } asked && FindAnswer(asked.Account, asked.Key) is not null)
        {
            return KeyAddition.AlreadyAnswered;
        }

        var now = making.Key.CreatedAt;
        var active = All(selectKeys.Bind(1, making.Key.Account.Value), KeyOf).Where(key => key.IsActiveAt(now)).ToList();
        if (making.Replaces is { } replaced && !active.Exists(key => key.Id == replaced))
        {
            return KeyAddition.ReplacedUnknown;
        }

        if (active.Count - (making.ReplacedEndsAt <= now ? 1 : 0) >= making.MaxActive)
        {
            return KeyAddition.TooManyActive;
        }

        if (making.Replaces is { } ending)
        {
            endKey.Bind(1, ending).Bind(2, making.ReplacedEndsAt!.Value.ToUnixTimeMilliseconds()).Run();
        }

        Bind(insertKey, making.Key).Run();
        if (making.Answer is { } answer)
        {
            deleteAnswers.Bind(1, (now - KeptAnswer.KeptFor).ToUnixTimeMilliseconds()).Run();
            insertAnswer.Bind(1, answer.Account.Value).Bind(2, answer.Key.Span).Bind(3, answer.Request.Span).Bind(4, answer.Answer)
                .Bind(5, now.ToUnixTimeMilliseconds()).Run();
        }

        return KeyAddition.Added;
    }

    private KeptAnswer? FindAnswer(AccountId account, ReadOnlyMemory<byte> key)
    {
        using var rows = selectAnswer.Bind(1, account.Value).Bind(2, key.Span).Rows();
        return rows.Next() ? new() { Account = account, Key = key, Request = rows.Blob(0).ToArray(), Answer = rows.Text(1) } : null;
    }

    private void Bind(int parameter, ChangedText? change) => updateProfile.Bind(parameter, change is null ? 0 : 1).Bind(parameter + 1, change?.Value);
}
