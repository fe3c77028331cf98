// Reads and writes with the Go libraries that WAL-G encrypts with: what they take and give on
// standard input and output is the truth that the ciphers' formats are compared with.
package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/minio/sio"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(action, argument string) error {
	switch action {
	case "dare-encrypt-aes", "dare-encrypt-chacha", "dare-encrypt-1.0", "dare-decrypt":
		return dare(action, argument)
	case "openpgp-decrypt":
		return openpgpDecrypt(argument)
	}
	return fmt.Errorf("no such action: %s", action)
}

func dare(action, hexKey string) error {
	key, err := hex.DecodeString(hexKey)
	if err != nil {
		return err
	}
	config := sio.Config{Key: key}
	switch action {
	case "dare-encrypt-aes":
		config.CipherSuites = []byte{sio.AES_256_GCM}
	case "dare-encrypt-chacha":
		config.CipherSuites = []byte{sio.CHACHA20_POLY1305}
	case "dare-encrypt-1.0":
		config.MaxVersion = sio.Version10
	case "dare-decrypt":
		_, err = sio.Decrypt(os.Stdout, os.Stdin, config)
		return err
	}
	_, err = sio.Encrypt(os.Stdout, os.Stdin, config)
	return err
}

func openpgpDecrypt(keyFile string) error {
	file, err := os.Open(keyFile)
	if err != nil {
		return err
	}
	defer file.Close()
	ring, err := openpgp.ReadArmoredKeyRing(file)
	if err != nil {
		return err
	}
	message, err := openpgp.ReadMessage(os.Stdin, ring, nil, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, message.UnverifiedBody)
	return err
}
