namespace Metering.Engine;

// The tables of further subjects, and what operators do with profiles.
public sealed partial class MemoryDirectoryStore : IDirectoryTables, IProfileRegister
{
    private readonly MemoryDirectorySql tables = new();

    IDirectorySql IDirectoryTables.Sql => tables.Sql;

    ValueTask<IReadOnlyList<AccountProfile>> IProfileRegister.SearchAsync(ProfileSearch search, CancellationToken cancellationToken) =>
        Call<IReadOnlyList<AccountProfile>>(
            () =>
            [
                .. profiles.Values.OrderBy(profile => profile.Account.Value, StringComparer.Ordinal)
                    .Where(profile => search.After is not { } last || string.CompareOrdinal(profile.Account.Value, last.Value) > 0)
                    .Where(profile => Begins(profile.Account.Value, search.IdPrefix, StringComparison.Ordinal)
                        && Begins(profile.Email, search.Email, StringComparison.OrdinalIgnoreCase)
                        && Begins(profile.CompanyName, search.Company, StringComparison.OrdinalIgnoreCase))
                    .Take(search.Limit),
            ],
            cancellationToken);

    ValueTask<bool> IProfileRegister.EraseAsync(AccountId account, CancellationToken cancellationToken) => Call(
        () =>
        {
            answers.RemoveAll(kept => kept.Answer.Account == account);
            for (var index = 0; index < keys.Count; index++)
            {
                keys[index] = keys[index].Account == account ? keys[index] with { Name = IProfileRegister.ErasedName } : keys[index];
            }

            if (!profiles.TryGetValue(account, out var profile))
            {
                return false;
            }

            profiles[account] = new() { Account = account, Email = string.Empty, CreatedAt = profile.CreatedAt };
            return true;
        },
        cancellationToken);

    private static bool Begins(string? text, string? prefix, StringComparison comparison) => prefix is null || (text?.StartsWith(prefix, comparison) ?? false);
}
